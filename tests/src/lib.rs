//! End-to-end tests of the real binary, and the tidy checks.
