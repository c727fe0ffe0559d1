//! People who live with the messenger for a while, and everything that can go wrong meanwhile.
//!
//! They have several devices, talk in pairs and in groups, edit and delete, get devices and sign them out, call stolen ones back,
//! add each other to groups, remove each other, leave, change roles and titles, block each other, go offline, crash, and have
//! clocks that jump; one member of a group keeps no rules; the network cuts, repeats, delays and refuses; the server is killed,
//! and restored from a backup once. When it calms, the books are compared with what every device shows:
//!
//! - the same messages in the same order, each once, as their authors want them by now;
//! - the same people in each group, with the same roles; nobody else has a leaf in it, or shows what was said there;
//! - nothing acknowledged is missing, but for what a restored server had lost, and that is shown as a gap, or as a conversation that
//!   has gone back;
//! - a device that came later shows all that was said since, without a hole;
//! - nothing that was said after a device was signed out is on it.
//!
//! What happens follows from a seed; how it falls together in time does not.

mod actions;
mod answers;
mod books;
mod check;
mod check_rooms;
mod looks;
mod mallory;
mod rooms;
mod world;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::random::Random;
use actions::Weather;
use world::World;

/// Lines for a table.
pub type Rows = Vec<(String, String)>;

/// How much happens.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's program.
    pub server: PathBuf,
    /// What happens follows from it.
    pub seed: u64,
    /// Users.
    pub people: usize,
    /// Devices that each of them has at most.
    pub devices: usize,
    /// Groups of people.
    pub rooms: usize,
    /// Messages, edits and deletions, in all.
    pub sayings: usize,
    /// After so many it calms, and everything is compared.
    pub burst: usize,
    /// Whether the server is restored from a backup once, in the middle.
    pub restore: bool,
}

/// Lets them live, and compares.
///
/// # Errors
/// What did not hold.
pub async fn run(plan: &Plan) -> Result<Rows> {
    crate::log();
    let start = Instant::now();
    let mut random = Random::new(plan.seed);
    let mut world = Box::pin(World::begin(plan, &mut random)).await?;
    let bursts = plan.sayings.div_ceil(plan.burst.max(1));
    for burst in 0..bursts {
        let (backs_up, restores) = (burst == bursts / 3, burst == bursts / 2);
        if plan.restore && backs_up {
            world.backs_up()?;
        }
        let mut weather = Weather::default();
        while world.books.len() < plan.sayings.min((burst + 1) * plan.burst) {
            let happened = actions::next(&mut world, &mut weather, &mut random).await;
            happened.with_context(|| format!("seed {}, saying {}", plan.seed, world.books.len()))?;
        }
        if plan.restore && restores {
            world.is_restored().await?;
        }
        let compared = check::calm_and_compare(&mut world).await;
        compared.with_context(|| format!("seed {}, burst {burst}", plan.seed))?;
    }
    let mut rows = world.rows();
    rows.extend(world.all_shown().await?);
    rows.push(("seconds".to_owned(), start.elapsed().as_secs().to_string()));
    Ok(rows)
}
