"""Reading HDF5 and npz files of unknown origin, which hold many arrays."""
