-- Whole plans were kept with operations and read by nobody: what binds an apply is the digest, which stays.
DROP TABLE plan;
