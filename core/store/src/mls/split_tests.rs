use std::collections::VecDeque;
use std::convert::Infallible;

use super::*;

/// As OpenMLS has it.
#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct MessageSecretsStore {
    max_epochs: usize,
    past_epoch_trees: VecDeque<EpochTree>,
    message_secrets: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct EpochTree {
    epoch: u64,
    message_secrets: Vec<u8>,
    leaves: Vec<String>,
}

fn secrets(epochs: &[u64]) -> MessageSecretsStore {
    let tree = |epoch: &u64| EpochTree {
        epoch: *epoch,
        message_secrets: vec![7; 30],
        leaves: (0..40).map(|leaf| format!("leaf {leaf} of {epoch}")).collect(),
    };
    MessageSecretsStore {
        max_epochs: 2,
        past_epoch_trees: epochs.iter().map(tree).collect(),
        message_secrets: vec![1, 2, 3],
    }
}

fn leaves_of(holes: &[Hole], epoch: u64) -> Option<Vec<u8>> {
    holes.iter().find(|hole| hole.epoch == epoch)?.leaves.clone()
}

#[test]
fn what_was_split_is_what_it_was() {
    for epochs in [&[][..], &[3], &[3, 1_000_000_000_000]] {
        let value = secrets(epochs);
        let (bytes, holes) = split(&value, &[]).unwrap();
        assert_eq!(holes.iter().map(|hole| hole.epoch).collect::<Vec<_>>(), epochs);
        let whole = joined(&bytes, |epoch| Ok::<_, Infallible>(leaves_of(&holes, epoch))).unwrap().unwrap();
        let mut plain = Vec::new();
        ciborium::into_writer(&value, &mut plain).unwrap();
        assert_eq!(*whole, plain, "the very bytes of the value in one piece");
        assert_eq!(ciborium::from_reader::<MessageSecretsStore, _>(whole.as_slice()).unwrap(), value);
    }
}

/// What is stored is not even encoded again, and the rest is as long as without any leaves.
#[test]
fn what_is_stored_is_not_written_again() {
    let (first, holes) = split(&secrets(&[3, 4]), &[]).unwrap();
    let (second, left) = split(&secrets(&[3, 4]), &[3, 4]).unwrap();
    assert_eq!(first, second);
    assert!(holes.iter().all(|hole| hole.leaves.is_some()) && left.iter().all(|hole| hole.leaves.is_none()));
    assert!(second.len() < 250, "{} bytes", second.len());
}

#[test]
fn leaves_that_are_missing_are_noticed() {
    let (bytes, _) = split(&secrets(&[3]), &[]).unwrap();
    assert!(joined(&bytes, |_| Ok::<_, Infallible>(None)).unwrap().is_none());
}

#[test]
fn another_shape_is_not_split() {
    assert!(matches!(split(&vec![1_u8, 2], &[]), Err(SplitError::Shape)));
    assert!(matches!(split(&("a", 1), &[]), Err(SplitError::Shape)));
}
