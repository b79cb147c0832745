"""Settings of the property tests of this floor."""

from hypothesis import settings

settings.register_profile("dicom", deadline=None)  # a busy machine is no failure
settings.load_profile("dicom")
