"""Files that hold many arrays, as they come from anywhere: HDF5 and npz."""
