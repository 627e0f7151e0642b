//! The HTTP API, the doors of Prometheus and Alertmanager, and the web page.
