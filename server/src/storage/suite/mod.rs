//! What every implementation of [`Storage`](super::Storage) must do, told once and run on each of them.

mod bench;
mod messages;
mod samples;

use std::sync::Arc;

use super::sqlite::{Options, SqliteStorage};
use bench::Bench;

/// Makes a module of tests, one for each behaviour, out of a way to open an implementation.
macro_rules! behaves {
    ($engine:ident, $open:expr) => {
        behaves! { $engine, $open;
            messages::a_message_waits_until_it_is_acknowledged,
            messages::a_repeat_is_answered_and_not_delivered,
            messages::repeats_are_known_after_a_restart,
            messages::what_waits_waits_through_a_restart,
            messages::one_refusal_does_not_hurt_others,
            messages::a_shared_body_goes_with_the_last_mailbox,
            messages::shared_bodies_go_however_long_they_have_waited,
            messages::a_new_device_gets_what_comes_after_it,
            messages::pages_are_bounded_and_in_order,
            messages::age_takes_messages_but_not_the_memory_of_them,
            messages::a_clock_that_was_wrong_loses_nothing,
            messages::closing_refuses_what_comes_later,
            samples::samples_in_one_place_are_one,
            samples::older_samples_are_thinned_and_old_ones_go,
        }
    };
    ($engine:ident, $open:expr; $($module:ident::$behaviour:ident,)*) => {
        mod $engine {
            use super::*;

            $(#[tokio::test]
            async fn $behaviour() {
                $module::$behaviour(Bench::new($open)).await;
            })*
        }
    };
}

behaves!(sqlite, |folder, told, clock| {
    let options = Options { path: &folder.join("privmsg.db"), bounds: crate::storage::Bounds::default(), clock };
    Arc::new(SqliteStorage::open(options, told).unwrap())
});
