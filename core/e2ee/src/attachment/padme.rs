/// The smallest Padmé length that is not below `len`: one whose binary mantissa is no longer than its exponent's length.
pub(super) fn padme(len: u64) -> u64 {
    if len < 2 {
        return len;
    }
    let exponent = len.ilog2();
    let mantissa = exponent.checked_ilog2().map_or(1, |log| log + 1);
    let mask = (1 << (exponent - mantissa.min(exponent))) - 1;
    (len + mask) & !mask
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_the_paper() {
        for (len, padded) in
            [(0, 0), (1, 1), (2, 2), (8, 8), (9, 10), (100, 104), (1_000, 1_024), (65_537, 67_584), (1 << 40, 1 << 40)]
        {
            assert_eq!(padme(len), padded, "{len}");
        }
    }

    proptest! {
        #[test]
        fn grows_by_an_eighth_at_most_and_only_once(len in 0..1u64 << 47) {
            let padded = padme(len);
            prop_assert!(padded >= len && padded - len <= len / 8 + 1);
            prop_assert_eq!(padme(padded), padded);
        }
    }
}
