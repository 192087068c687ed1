//! Hostile parties against real processes: whatever they do, nothing panics, memory stays bounded, and others go on.

mod clients;
