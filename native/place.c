#include "place.h"

int place_fits(const PlaceJob *job) {
    int64_t before = 0;
    for (ptrdiff_t unit = 0; unit < job->units; unit++) {
        if (job->ends[unit] < before || job->ends[unit] > job->entries) return 0;
        before = job->ends[unit];
    }
    for (ptrdiff_t entry = 0; entry < job->entries; entry++)
        if (job->labels[entry] < 0 || job->labels[entry] >= job->classes) return 0;
    return 1;
}

/* The part with the fewest rows beyond the quotas, then the one that needs the classes most, then the first. */
static ptrdiff_t best_part(const PlaceJob *job, ptrdiff_t first, ptrdiff_t end) {
    ptrdiff_t best = 0;
    int64_t least = INT64_MAX;
    double most = 0;
    for (ptrdiff_t part = 0; part < job->parts; part++) {
        const int64_t *need = job->need + part * job->classes, *wanted = job->wanted + part * job->classes;
        int64_t over = 0;
        double eager = 0;
        for (ptrdiff_t entry = first; entry < end; entry++) {
            int64_t label = job->labels[entry], count = job->counts[entry];
            int64_t missing = need[label] > 0 ? need[label] : 0;
            /* A unit of one class is rated without its size, which is the same for every part. */
            int64_t weight = end - first == 1 ? 1 : count;
            over += count > missing ? count - missing : 0;
            eager += (double)(weight * missing) / (double)wanted[label];
        }
        if (over < least || (over == least && eager > most)) {
            best = part;
            least = over;
            most = eager;
        }
    }
    return best;
}

void place_units(const PlaceJob *job) {
    ptrdiff_t first = 0;
    for (ptrdiff_t unit = 0; unit < job->units; unit++) {
        ptrdiff_t end = (ptrdiff_t)job->ends[unit], part = best_part(job, first, end);
        for (ptrdiff_t entry = first; entry < end; entry++)
            job->need[part * job->classes + job->labels[entry]] -= job->counts[entry];
        job->chosen[unit] = part;
        first = end;
    }
}
