//! A picture before it is there: its colours, from a few letters. BlurHash, <https://blurha.sh>.

use image::DynamicImage;

use crate::Shown;

/// Pixels of the longer side of what stands in a picture's place, and of what its colours are taken from.
const SIDE: u32 = 32;

/// How far one side may be longer than the other.
const LONGEST: u32 = 4;

/// Colours along the longer and the shorter side.
const COLOURS: (u32, u32) = (4, 3);

/// The colours of a picture.
pub(crate) fn of(picture: &DynamicImage) -> String {
    let small = picture.thumbnail(SIDE, SIDE).into_rgba8();
    let (width, height) = small.dimensions();
    let (across, down) = if width >= height { COLOURS } else { (COLOURS.1, COLOURS.0) };
    blurhash::encode(across, down, width, height, &small).unwrap_or_default()
}

/// What stands in the place of a picture of so many pixels. `None` if its colours are none.
#[must_use]
pub fn blurred(hash: &str, width: u32, height: u32) -> Option<Shown> {
    let longer = width.max(height);
    if longer == 0 {
        return None;
    }
    let side = |pixels: u32| {
        let side = u64::from(pixels) * u64::from(SIDE) / u64::from(longer);
        u32::try_from(side).unwrap_or(SIDE).clamp(SIDE / LONGEST, SIDE)
    };
    let (width, height) = (side(width), side(height));
    let rgba = blurhash::decode(hash, width, height, 1.0).ok()?;
    Some(Shown { width, height, rgba })
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn its_colours_are_where_they_were() {
        let picture = RgbImage::from_fn(640, 320, |x, _| if x < 320 { Rgb([230, 20, 20]) } else { Rgb([20, 20, 230]) });
        let hash = of(&picture.into());
        assert_eq!(hash.len(), 28);
        let Shown { width, height, rgba } = blurred(&hash, 640, 320).unwrap();
        assert_eq!((width, height, rgba.len()), (32, 16, 32 * 16 * 4));
        let (left, right) = (&rgba[..4], &rgba[31 * 4..32 * 4]);
        assert!(left[0] > 150 && left[2] < 120 && right[0] < 120 && right[2] > 150, "{left:?} {right:?}");
    }

    /// Whoever writes may write anything.
    #[test]
    fn what_are_no_colours_is_nothing() {
        for hash in ["", "L", "L00000", "ёёёёёё", "~~~~~~~~~~~~~~~~~~~~~~~~~~~~", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}"]
        {
            for (width, height) in [(1, 1), (0, 7), (u32::MAX, 1), (1, u32::MAX)] {
                if let Some(shown) = blurred(hash, width, height) {
                    assert_eq!(shown.rgba.len() as u64, 4 * u64::from(shown.width) * u64::from(shown.height));
                }
            }
        }
        assert_eq!(blurred("", 1, 1), None);
        assert_eq!(blurred("ёёёёёё", 1, 1), None);
        assert_eq!(blurred(&"z".repeat(64), 1, 1), None);
        let thin = blurred("000000", u32::MAX, 1).unwrap();
        assert_eq!((thin.width, thin.height), (32, 8));
    }
}
