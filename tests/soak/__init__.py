"""Kill schedules: an installation under a stream of work whose processes are killed at chosen points."""
