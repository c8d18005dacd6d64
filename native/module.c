/* imgprep._native: what imgprep does faster than the libraries, with their bits. Stable ABI of CPython 3.11. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "area.h"
#include "blake2b.h"
#include "crc.h"
#include "files.h"
#include "find.h"
#include "place.h"
#include "warp.h"

PyDoc_STRVAR(area_doc,
"resize_area(source, target, size, target_size, channels, wide)\n--\n\n"
"Shrinks an image as cv2.resize does with INTER_AREA.\n\n"
"Args:\n"
"    source: a contiguous buffer of height x width x channels levels.\n"
"    target: a writable one of the smaller size.\n"
"    size: (height, width) of the source.\n"
"    target_size: (height, width) of the target, no side longer than the source's.\n"
"    channels: 1 or 3.\n"
"    wide: False for uint8, True for uint16.\n\n"
"Raises:\n"
"    ValueError: the sizes do not fit the buffers or each other.\n"
"    MemoryError: no memory.\n");

static int fits(const AreaJob *job, Py_ssize_t source, Py_ssize_t target) {
    const Py_ssize_t most = 1 << 20;
    if (job->channels != 1 && job->channels != 3) return 0;
    if (job->target_height < 1 || job->target_width < 1) return 0;
    if (job->target_height > job->height || job->target_width > job->width) return 0;
    if (job->height > most || job->width > most) return 0;
    Py_ssize_t pixel = job->channels * (job->wide ? 2 : 1);
    return source == job->height * job->width * pixel && target == job->target_height * job->target_width * pixel;
}

static PyObject *area(PyObject *self, PyObject *args) {
    Py_buffer source, target;
    AreaJob job = {0};
    int result = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*w*(nn)(nn)ip", &source, &target, &job.height, &job.width, &job.target_height,
                          &job.target_width, &job.channels, &job.wide))
        return NULL;
    if (!fits(&job, source.len, target.len)) {
        PyErr_SetString(PyExc_ValueError, "sizes do not fit the buffers or each other");
        result = -1;
    } else {
        job.source = source.buf;
        job.target = target.buf;
        Py_BEGIN_ALLOW_THREADS
        result = resize_area(&job);
        Py_END_ALLOW_THREADS
        if (result) PyErr_NoMemory();
    }
    PyBuffer_Release(&source);
    PyBuffer_Release(&target);
    if (result) return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(gather_doc,
"gather_rows(sources, which, rows, target)\n--\n\n"
"Copies rows of several arrays into one, each to its place.\n\n"
"Args:\n"
"    sources: a list of contiguous buffers of whole rows; those that no row is of may be None.\n"
"    which: a contiguous buffer of int64, of which source each row is.\n"
"    rows: as many int64, the number of each row in its source.\n"
"    target: a writable contiguous buffer of as many rows.\n\n"
"Raises:\n"
"    ValueError: the sizes do not fit each other, or there is no such row.\n"
"    MemoryError: no memory.\n");

typedef struct {
    Py_ssize_t count, row_bytes, known;
    const int64_t *which, *rows;
    Py_buffer *buffers;  /* of the sources that a row is of; the others have no object */
    const char **places; /* where each row begins */
} GatherJob;

/* Finds the place of every row; sets an exception and gives -1 where there is no such row. */
static int find_rows(GatherJob *job, PyObject *sources) {
    for (Py_ssize_t place = 0; place < job->count; place++) {
        int64_t number = job->which[place], row = job->rows[place];
        if (number < 0 || number >= job->known || row < 0) goto wrong;
        Py_buffer *buffer = &job->buffers[number];
        if (buffer->obj == NULL && PyObject_GetBuffer(PyList_GetItem(sources, (Py_ssize_t)number), buffer, PyBUF_SIMPLE))
            return -1;
        if (row >= buffer->len / job->row_bytes) goto wrong;
        job->places[place] = (const char *)buffer->buf + row * job->row_bytes;
    }
    return 0;
wrong:
    PyErr_SetString(PyExc_ValueError, "there is no such row");
    return -1;
}

static int gather_into(GatherJob *job, PyObject *sources, char *target) {
    int result = -1;
    job->known = PyList_Size(sources);
    job->buffers = PyMem_Calloc((size_t)job->known + 1, sizeof(Py_buffer));
    job->places = PyMem_Calloc((size_t)job->count + 1, sizeof(char *));
    if (job->buffers == NULL || job->places == NULL) {
        PyErr_NoMemory();
    } else if (!find_rows(job, sources)) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t place = 0; place < job->count; place++)
            memcpy(target + place * job->row_bytes, job->places[place], (size_t)job->row_bytes);
        Py_END_ALLOW_THREADS
        result = 0;
    }
    for (Py_ssize_t number = 0; job->buffers != NULL && number < job->known; number++)
        if (job->buffers[number].obj != NULL) PyBuffer_Release(&job->buffers[number]);
    PyMem_Free(job->buffers);
    PyMem_Free((void *)job->places);
    return result;
}

static PyObject *gather(PyObject *self, PyObject *args) {
    PyObject *sources;
    Py_buffer which, rows, target;
    GatherJob job = {0};
    int result = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "Oy*y*w*", &sources, &which, &rows, &target)) return NULL;
    job.count = which.len / (Py_ssize_t)sizeof(int64_t);
    job.row_bytes = job.count ? target.len / job.count : 0;
    if (!PyList_Check(sources) || which.len != rows.len || which.len % (Py_ssize_t)sizeof(int64_t) ||
        (job.count && (job.row_bytes < 1 || target.len % job.count))) {
        PyErr_SetString(PyExc_ValueError, "sizes do not fit each other");
        result = -1;
    } else {
        job.which = which.buf;
        job.rows = rows.buf;
        result = gather_into(&job, sources, target.buf);
    }
    PyBuffer_Release(&which);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&target);
    if (result) return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(crc_doc,
"crc32(content, before=0)\n--\n\n"
"The CRC-32 of bytes as zlib.crc32 gives it; only where CRC32 is true.\n\n"
"Args:\n"
"    content: a contiguous buffer.\n"
"    before: the CRC of what comes before it.\n\n"
"Raises:\n"
"    NotImplementedError: this processor cannot.\n");

static PyObject *crc(PyObject *self, PyObject *args) {
    Py_buffer content;
    unsigned int before = 0;
    uint32_t sum;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*|I", &content, &before)) return NULL;
    if (!crc32_available()) {
        PyBuffer_Release(&content);
        PyErr_SetString(PyExc_NotImplementedError, "this processor has no carry-less multiplication");
        return NULL;
    }
    if (content.len > 1 << 16) {
        Py_BEGIN_ALLOW_THREADS
        sum = crc32_of(content.buf, (size_t)content.len, before);
        Py_END_ALLOW_THREADS
    } else {
        sum = crc32_of(content.buf, (size_t)content.len, before);
    }
    PyBuffer_Release(&content);
    return PyLong_FromUnsignedLong(sum);
}

PyDoc_STRVAR(warp_doc,
"warp_affine(source, target, size, target_size, channels, matrix, border, colour)\n--\n\n"
"Warps an image as cv2.warpAffine does with INTER_LINEAR; only where WARP is true.\n\n"
"Args:\n"
"    source: a contiguous buffer of height x width x channels uint8 levels.\n"
"    target: a writable one of its own size.\n"
"    size: (height, width) of the source.\n"
"    target_size: (height, width) of the target.\n"
"    channels: 1 or 3.\n"
"    matrix: a buffer of six doubles, as cv2.warpAffine takes them.\n"
"    border: the number of a cv2.BORDER_...: CONSTANT, REPLICATE, REFLECT or WRAP.\n"
"    colour: three levels of the border CONSTANT; the first is that of a grey image.\n\n"
"Returns:\n"
"    False, and the target is as it was, where the matrix reaches too far away from the image.\n\n"
"Raises:\n"
"    ValueError: the sizes do not fit the buffers, or there is no such border.\n"
"    NotImplementedError: this processor cannot.\n");

static int warp_fits(const WarpJob *job, Py_ssize_t source, Py_ssize_t target) {
    const Py_ssize_t most = 1 << 20;
    if (job->channels != 1 && job->channels != 3) return 0;
    if (job->border < BORDER_COLOUR || job->border > BORDER_WRAP) return 0;
    if (job->target_height < 1 || job->target_width < 1 || job->height < 1 || job->width < 1) return 0;
    if (job->height > most || job->width > most || job->target_height > most || job->target_width > most) return 0;
    return source == job->height * job->width * job->channels &&
           target == job->target_height * job->target_width * job->channels;
}

static PyObject *warp(PyObject *self, PyObject *args) {
    Py_buffer source, target, matrix;
    WarpJob job = {0};
    uint8_t *colour = job.colour;
    int done = -1;
    (void)self;
    if (!warp_available()) {
        PyErr_SetString(PyExc_NotImplementedError, "this processor has no AVX2");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "y*w*(nn)(nn)iy*i(bbb)", &source, &target, &job.height, &job.width,
                          &job.target_height, &job.target_width, &job.channels, &matrix, &job.border, colour, colour + 1, colour + 2))
        return NULL;
    if (matrix.len != (Py_ssize_t)sizeof job.matrix || !warp_fits(&job, source.len, target.len)) {
        PyErr_SetString(PyExc_ValueError, "sizes do not fit the buffers, or there is no such border");
    } else {
        job.source = source.buf;
        job.target = target.buf;
        memcpy(job.matrix, matrix.buf, sizeof job.matrix);
        Py_BEGIN_ALLOW_THREADS
        done = warp_affine(&job);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&source);
    PyBuffer_Release(&target);
    PyBuffer_Release(&matrix);
    return done < 0 ? NULL : PyBool_FromLong(done);
}

PyDoc_STRVAR(hash_doc,
"hash_texts(texts, ends, key, target)\n--\n\n"
"The BLAKE2b hashes of texts that stand one behind the other, each 8 bytes long.\n\n"
"Args:\n"
"    texts: a contiguous buffer.\n"
"    ends: a contiguous buffer of int64: where the first text begins, and where each text ends.\n"
"    key: 1 to 64 bytes.\n"
"    target: a writable contiguous buffer of uint64 for the hashes, as many as texts.\n\n"
"Raises:\n"
"    ValueError: the sizes do not fit each other, or a text ends before it begins.\n");

static int hash_all(const Py_buffer *texts, const Py_buffer *ends, const Py_buffer *key, const Py_buffer *target) {
    const int64_t *end = ends->buf;
    uint64_t *found = target->buf;
    Py_ssize_t count = target->len / (Py_ssize_t)sizeof(uint64_t);
    KeyedHash hash;
    if (target->len % (Py_ssize_t)sizeof(uint64_t) || ends->len != (count + 1) * (Py_ssize_t)sizeof(int64_t) ||
        key->len < 1 || key->len > 64 || end[0] < 0 || end[count] > texts->len)
        return -1;
    for (Py_ssize_t text = 0; text < count; text++)
        if (end[text] > end[text + 1]) return -1;
    Py_BEGIN_ALLOW_THREADS
    keyed_hash(&hash, key->buf, (size_t)key->len);
    for (Py_ssize_t text = 0; text < count; text++)
        found[text] = keyed_digest(&hash, (const uint8_t *)texts->buf + end[text], (size_t)(end[text + 1] - end[text]));
    Py_END_ALLOW_THREADS
    return 0;
}

static PyObject *hash(PyObject *self, PyObject *args) {
    Py_buffer texts, ends, key, target;
    int result;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*w*", &texts, &ends, &key, &target)) return NULL;
    result = hash_all(&texts, &ends, &key, &target);
    PyBuffer_Release(&texts);
    PyBuffer_Release(&ends);
    PyBuffer_Release(&key);
    PyBuffer_Release(&target);
    if (result) {
        PyErr_SetString(PyExc_ValueError, "sizes do not fit each other");
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(place_doc,
"place_units(ends, labels, counts, need, wanted, chosen, parts)\n--\n\n"
"Places units of images in the parts of a split, one after the other, where they fit and are wanted most.\n\n"
"All are contiguous buffers of int64.\n\n"
"Args:\n"
"    ends: where the entries of each unit end.\n"
"    labels: the class of each entry.\n"
"    counts: the images of each entry; with those of need, less than 2**53 when multiplied.\n"
"    need: a writable one of parts x classes: what is missing; what is placed is taken from it.\n"
"    wanted: the same before anything was placed, at least 1.\n"
"    chosen: a writable one for the part of each unit.\n"
"    parts: their number.\n\n"
"Raises:\n"
"    ValueError: the sizes do not fit each other.\n");

static PyObject *place(PyObject *self, PyObject *args) {
    enum { ENDS, LABELS, COUNTS, NEED, WANTED, CHOSEN, ALL };
    const Py_ssize_t word = (Py_ssize_t)sizeof(int64_t);
    Py_buffer b[ALL];
    PlaceJob job = {0};
    int fits;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*w*y*w*n", &b[ENDS], &b[LABELS], &b[COUNTS], &b[NEED], &b[WANTED], &b[CHOSEN],
                          &job.parts))
        return NULL;
    fits = b[COUNTS].len == b[LABELS].len && b[WANTED].len == b[NEED].len && b[CHOSEN].len == b[ENDS].len &&
           b[ENDS].len % word == 0 && b[LABELS].len % word == 0 && job.parts > 0 && b[NEED].len % (word * job.parts) == 0;
    if (fits) {
        job.units = b[ENDS].len / word;
        job.entries = b[LABELS].len / word;
        job.classes = b[NEED].len / word / job.parts;
        job.ends = b[ENDS].buf;
        job.labels = b[LABELS].buf;
        job.counts = b[COUNTS].buf;
        job.need = b[NEED].buf;
        job.wanted = b[WANTED].buf;
        job.chosen = b[CHOSEN].buf;
        fits = place_fits(&job);
    }
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        place_units(&job);
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "sizes do not fit each other");
    }
    for (int each = 0; each < ALL; each++) PyBuffer_Release(&b[each]);
    if (!fits) return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(stamps_doc,
"file_stamps(folder, names, target)\n--\n\n"
"Size and modification time of the files of a folder; links are not followed.\n\n"
"Args:\n"
"    folder: the descriptor of the open folder.\n"
"    names: a list of str.\n"
"    target: a writable contiguous buffer of two int64 for each name: bytes, nanoseconds.\n\n"
"Returns:\n"
"    False where one of them cannot be had, or has a name that is no UTF-8.\n\n"
"Raises:\n"
"    ValueError: the buffer does not fit the names.\n"
"    MemoryError: no memory.\n");

static PyObject *stamps(PyObject *self, PyObject *args) {
    PyObject *names;
    Py_buffer target;
    int folder, failed = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "iO!w*", &folder, &PyList_Type, &names, &target)) return NULL;
    Py_ssize_t count = PyList_Size(names);
    const char **texts = NULL;
    if (target.len != count * 16) {
        PyErr_SetString(PyExc_ValueError, "the buffer does not fit the names");
    } else if (!(texts = PyMem_Malloc((size_t)(count ? count : 1) * sizeof *texts))) {
        PyErr_NoMemory();
    } else {
        for (Py_ssize_t row = 0; row < count && !failed; row++) {
            Py_ssize_t length;
            PyObject *name = PyList_GetItem(names, row);
            texts[row] = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, &length) : NULL;
            failed = !texts[row] || strlen(texts[row]) != (size_t)length;
        }
        if (failed) {
            PyErr_Clear();
        } else {
            /* The texts belong to the names, which the caller's list holds: nothing else may change it meanwhile. */
            Py_INCREF(names);
            Py_BEGIN_ALLOW_THREADS
            failed = file_stamps(folder, texts, count, target.buf);
            Py_END_ALLOW_THREADS
            Py_DECREF(names);
        }
    }
    PyMem_Free(texts);
    PyBuffer_Release(&target);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(!failed);
}

PyDoc_STRVAR(read_doc,
"read_regular(path, size, time, most)\n--\n\n"
"Reads a regular file whole; a link is not followed.\n\n"
"Args:\n"
"    path: str.\n"
"    size: bytes that it must have; with a time of 0 too any.\n"
"    time: of its modification in nanoseconds.\n"
"    most: the largest size that is read.\n\n"
"Returns:\n"
"    Its bytes, one at least; None where anything is otherwise.\n");

static PyObject *read_file(PyObject *self, PyObject *args) {
    PyObject *path;
    const char *text;
    long long size, time, most;
    Py_ssize_t length;
    int64_t found = 0;
    int descriptor, failed;
    (void)self;
    if (!PyArg_ParseTuple(args, "ULLL", &path, &size, &time, &most)) return NULL;
    text = PyUnicode_AsUTF8AndSize(path, &length);
    if (!text || strlen(text) != (size_t)length) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    Py_BEGIN_ALLOW_THREADS
    descriptor = open_regular(text, size, time, most, &found);
    Py_END_ALLOW_THREADS
    if (descriptor < 0) Py_RETURN_NONE;
    PyObject *content = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)found);
    char *target = content ? PyBytes_AsString(content) : NULL;
    Py_BEGIN_ALLOW_THREADS
    failed = read_whole(descriptor, target, target ? found : 0);
    Py_END_ALLOW_THREADS
    if (!content) return NULL;
    if (!failed) return content;
    Py_DECREF(content);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(find_doc,
"find_pair(content, start, pair)\n--\n\n"
"The first place of two bytes in a row, not before a start; -1 for none.\n\n"
"Args:\n"
"    content: a contiguous buffer.\n"
"    start: 0 or more.\n"
"    pair: two bytes.\n\n"
"Raises:\n"
"    ValueError: the pair is no pair, or the start is negative.\n");

static PyObject *find(PyObject *self, PyObject *args) {
    Py_buffer content, pair;
    Py_ssize_t start;
    int64_t found = -1;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*ny*", &content, &start, &pair)) return NULL;
    int wrong = pair.len != 2 || start < 0;
    if (!wrong) {
        const uint8_t *bytes = pair.buf;
        found = find_pair(content.buf, content.len, start, bytes[0], bytes[1]);
    }
    PyBuffer_Release(&content);
    PyBuffer_Release(&pair);
    if (!wrong) return PyLong_FromLongLong(found);
    PyErr_SetString(PyExc_ValueError, "a pair of bytes and a start of 0 or more are needed");
    return NULL;
}

static PyMethodDef methods[] = {
    {"crc32", crc, METH_VARARGS, crc_doc},
    {"file_stamps", stamps, METH_VARARGS, stamps_doc},
    {"find_pair", find, METH_VARARGS, find_doc},
    {"gather_rows", gather, METH_VARARGS, gather_doc},
    {"hash_texts", hash, METH_VARARGS, hash_doc},
    {"place_units", place, METH_VARARGS, place_doc},
    {"read_regular", read_file, METH_VARARGS, read_doc},
    {"resize_area", area, METH_VARARGS, area_doc},
    {"warp_affine", warp, METH_VARARGS, warp_doc},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module) {
    if (PyModule_AddIntConstant(module, "CRC32", crc32_available())) return -1;
    if (PyModule_AddIntConstant(module, "FILES", files_available())) return -1;
    if (PyModule_AddIntConstant(module, "WARP", warp_available())) return -1;
    return PyModule_AddStringConstant(module, "INSTRUCTIONS", area_instructions());
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "What imgprep does faster than the libraries, with their bits.", 0, methods, slots,
    NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
