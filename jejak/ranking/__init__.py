"""The ranking job: reads the families, has them scored and cut, keeps the run, publishes it."""
