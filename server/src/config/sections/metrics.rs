//! Figures for Prometheus.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// `[metrics]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// Whether `/metrics` is served, on a listener of its own. Default false.
    pub enabled: bool,
    /// Address to listen on. Default `127.0.0.1`: the figures say how many people talk, and are for nobody else.
    pub host: IpAddr,
    /// Port to listen on. Default 9464; 0 for any free one.
    pub port: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { enabled: false, host: IpAddr::from([127, 0, 0, 1]), port: 9464 }
    }
}
