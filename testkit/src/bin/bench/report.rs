//! Lines with a figure, a goal, and how the two compare.

use std::io::Write as _;

use anyhow::Result;
use serde::Serialize;

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
    /// Only told.
    None,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    value: f64,
    unit: &'static str,
    goal: Goal,
    met: Option<bool>,
}

/// All lines of a run. Markdown is printed as it comes, JSON at the end.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Vec<(&'static str, String)>,
    lines: Vec<Line>,
    #[serde(skip)]
    json: bool,
    /// Median and 99th percentile of the disk's fdatasync, in milliseconds, once measured.
    pub(crate) fdatasync_ms: Option<(f64, f64)>,
}

impl Report {
    pub(crate) fn new(machine: Vec<(&'static str, String)>, json: bool) -> Self {
        let report = Self { machine, lines: Vec::new(), json, fdatasync_ms: None };
        if !json {
            for (name, value) in &report.machine {
                say(&format!("- {name}: {value}"));
            }
            say("\n| what | measured | goal | measured / goal | |\n|---|---:|---:|---:|---|");
        }
        report
    }

    /// Adds a figure.
    pub(crate) fn line(&mut self, name: impl Into<String>, value: f64, unit: &'static str, goal: Goal) {
        let (sign, bound, met) = match goal {
            Goal::AtLeast(bound) => ("≥ ", Some(bound), Some(value >= bound)),
            Goal::AtMost(bound) => ("≤ ", Some(bound), Some(value <= bound)),
            Goal::None => ("", None, None),
        };
        let line = Line { name: name.into(), value, unit, goal, met };
        if !self.json {
            let bound_text = bound.map(|bound| format!("{sign}{} {unit}", number(bound))).unwrap_or_default();
            let ratio = bound.filter(|b| *b != 0.0).map(|b| format!("{:.2}", value / b)).unwrap_or_default();
            let verdict = met.map_or("", |met| if met { "met" } else { "**missed**" });
            say(&format!("| {} | {} {unit} | {bound_text} | {ratio} | {verdict} |", line.name, number(value)));
        }
        self.lines.push(line);
    }

    /// Says why a figure is missing.
    pub(crate) fn remark(&mut self, name: &str, why: &str) {
        if self.json {
            self.lines.push(Line {
                name: format!("{name}: {why}"),
                value: f64::NAN,
                unit: "",
                goal: Goal::None,
                met: None,
            });
        } else {
            say(&format!("| {name} | {why} | | | |"));
        }
    }

    pub(crate) fn finish(&self) -> Result<()> {
        if self.json {
            say(&serde_json::to_string_pretty(self)?);
        }
        Ok(())
    }
}

pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        small if small > 0.0 && small < 10.0 && small.fract() != 0.0 => format!("{value:.2}"),
        small if small < 100.0 && small.fract() != 0.0 => format!("{value:.1}"),
        _ => thousands(value),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    // A closed pipe ends the run at the next part.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
