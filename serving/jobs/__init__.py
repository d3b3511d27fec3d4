"""Turns one photo or folders of them into pictures: finds, reads, converts and writes them, and resumes.

A command describes what to do with one photo (`serving/pictures/task.py`) and calls `run_job.run_job`.
"""
