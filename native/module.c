/* imgprep._native: what imgprep does faster than the libraries, with their bits. Stable ABI of CPython 3.11. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "area.h"

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

static PyMethodDef methods[] = {
    {"resize_area", area, METH_VARARGS, area_doc},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module) { return PyModule_AddStringConstant(module, "INSTRUCTIONS", area_instructions()); }

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "What imgprep does faster than the libraries, with their bits.", 0, methods, slots,
    NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
