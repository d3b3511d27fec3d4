"""Trainings on several devices and machines."""
