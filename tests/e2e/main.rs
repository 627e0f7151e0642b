//! End-to-end tests: the real binary as a process, real peers, and only what an outsider sees.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod access;
mod alertmanager_door;
mod alertmanager_file;
mod audit;
mod clouds;
mod command_line;
mod configuration;
mod crash;
mod damage;
mod demo;
mod differential;
mod disk;
mod documents;
mod doors;
mod handling;
mod harness;
mod heartbeat;
mod hooks;
mod late;
mod lifecycle;
mod live;
mod mail;
mod openapi;
mod outage;
mod paging;
mod prometheus_file;
mod provider_faults;
mod published_readers;
mod pushed;
mod receivers;
mod reload;
mod replay;
mod runbooks;
mod sources;
mod tls;
