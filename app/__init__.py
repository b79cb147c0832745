"""Filmpass: a patient's medical images in the phone they already hold. Importing any module starts nothing."""
