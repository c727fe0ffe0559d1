//! Decoding, in the process that can do nothing else.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::error::ImageError;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use crate::wire::{Format, MadeSo, Refusal};
use crate::{blurred, limits};

/// Of a hundred: nobody sees a difference in a photograph.
const QUALITY: u8 = 85;

/// What was drawn, or shows a screen, is blurred as a photograph: it stays exact up to so many bytes.
const EXACT: usize = 3 << 20;

/// The picture in a file, upright.
fn decode(file: &[u8]) -> Result<DynamicImage, Refusal> {
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(|_| Refusal::Format)?;
    let mut allowed = Limits::no_limits();
    allowed.max_image_width = Some(limits::SIDE);
    allowed.max_image_height = Some(limits::SIDE);
    allowed.max_alloc = Some(limits::DECODED);
    reader.limits(allowed);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits::PIXELS {
        return Err(Refusal::Large);
    }
    // A picture without it is as it is.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn refused(error: ImageError) -> Refusal {
    match error {
        ImageError::Unsupported(_) => Refusal::Format,
        ImageError::Limits(_) => Refusal::Large,
        _ => Refusal::Broken,
    }
}

/// Whether it is more than one picture. What cannot be read says so when it is decoded.
fn moves(format: ImageFormat, file: &[u8]) -> bool {
    let file = Cursor::new(file);
    match format {
        ImageFormat::Gif => true,
        ImageFormat::WebP => WebPDecoder::new(file).is_ok_and(|decoder| decoder.has_animation()),
        ImageFormat::Png => PngDecoder::new(file).is_ok_and(|decoder| decoder.is_apng().unwrap_or(false)),
        _ => false,
    }
}

fn is_within(picture: &DynamicImage, side: u32) -> bool {
    picture.width() <= side && picture.height() <= side
}

/// The pixels of a picture, with no side longer than `side`: width, height, and four bytes for each.
pub(crate) fn show(file: &[u8], side: u32) -> Result<(u32, u32, Vec<u8>), Refusal> {
    let picture = decode(file)?;
    let picture = if is_within(&picture, side) { picture } else { picture.thumbnail(side, side) };
    Ok((picture.width(), picture.height(), picture.into_rgba8().into_raw()))
}

/// A picture made anew, with no side longer than `side`: what it is, and the file.
pub(crate) fn make(file: &[u8], side: u32) -> Result<(MadeSo, Vec<u8>), Refusal> {
    let source = image::guess_format(file).map_err(refused)?;
    if moves(source, file) {
        return Err(Refusal::Moves);
    }
    let picture = decode(file)?;
    let picture = if is_within(&picture, side) { picture } else { picture.resize(side, side, FilterType::Triangle) };
    let (width, height, blurhash) = (picture.width(), picture.height(), blurred::of(&picture));
    let so = |format| MadeSo { format, width, height, blurhash };
    let rgba = picture.color().has_alpha().then(|| picture.to_rgba8());
    let rgba = rgba.filter(|rgba| rgba.pixels().any(|pixel| pixel.0[3] < u8::MAX));
    let mut made = Cursor::new(Vec::new());
    if let Some(rgba) = rgba {
        rgba.write_to(&mut made, ImageFormat::Png).map_err(refused)?;
        return Ok((so(Format::Png), made.into_inner()));
    }
    let rgb = picture.into_rgb8();
    if source == ImageFormat::Png {
        rgb.write_to(&mut made, ImageFormat::Png).map_err(refused)?;
        if made.get_ref().len() <= EXACT {
            return Ok((so(Format::Png), made.into_inner()));
        }
        made = Cursor::new(Vec::new());
    }
    rgb.write_with_encoder(JpegEncoder::new_with_quality(&mut made, QUALITY)).map_err(refused)?;
    Ok((so(Format::Jpeg), made.into_inner()))
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageEncoder as _, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn png(picture: &RgbImage) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, ImageFormat::Png).unwrap();
        file.into_inner()
    }

    /// A photograph of a phone that was held upright: it lies on its side, and says so beside where it was taken.
    fn lying() -> Vec<u8> {
        let picture = RgbImage::from_fn(8, 4, |x, _| if x < 4 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
        let mut file = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut file, 100);
        // A TIFF header, and one entry: 0x0112, orientation, is 6: turned to the right. Behind it a place.
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0Reykjavik".to_vec();
        encoder.set_exif_metadata(exif).unwrap();
        encoder.write_image(picture.as_raw(), 8, 4, ExtendedColorType::Rgb8).unwrap();
        assert!(holds(&file, b"Reykjavik"));
        file
    }

    fn holds(file: &[u8], part: &[u8]) -> bool {
        file.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_picture_is_shown_small_and_upright() {
        let (width, height, rgba) = show(&png(&RgbImage::from_pixel(400, 200, Rgb([1, 2, 3]))), 100).unwrap();
        assert_eq!((width, height), (100, 50));
        assert_eq!(rgba, [1, 2, 3, 255].repeat(100 * 50));
        let (width, height, rgba) = show(&lying(), 100).unwrap();
        assert_eq!((width, height), (4, 8));
        assert!(rgba[0] > 200 && rgba[2] < 50, "red is above: {:?}", &rgba[..4]);
    }

    #[test]
    fn nothing_is_left_of_where_it_was_taken() {
        let (so, made) = make(&lying(), 100).unwrap();
        assert_eq!((so.format, so.width, so.height), (Format::Jpeg, 4, 8));
        assert!(!holds(&made, b"Reykjavik") && !holds(&made, b"Exif"));
    }

    #[test]
    fn what_can_be_seen_through_stays_so() {
        let mut file = Cursor::new(Vec::new());
        RgbaImage::from_pixel(300, 2, Rgba([9, 9, 9, 100])).write_to(&mut file, ImageFormat::Png).unwrap();
        let (so, made) = make(&file.into_inner(), 100).unwrap();
        assert_eq!((so.format, so.width), (Format::Png, 100));
        let (_, _, rgba) = show(&made, 100).unwrap();
        assert_eq!(rgba[3], 100);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for (file, why) in [
            (b"".to_vec(), Refusal::Format),
            (b"hello".to_vec(), Refusal::Format),
            (b"\x89PNG\r\n\x1a\n and nothing behind it".to_vec(), Refusal::Broken),
            (lying()[..200].to_vec(), Refusal::Broken),
        ] {
            assert_eq!(show(&file, 100).map(drop), Err(why), "{:?}", String::from_utf8_lossy(&file));
        }
    }

    /// A few bytes that ask for gigabytes.
    #[test]
    fn what_is_too_large_is_not_decoded() {
        let mut file = png(&RgbImage::new(1, 1));
        // Width and height, behind the eight bytes of the format, a length and a name; and their checksum.
        for side in [30_000_u32, 16_000] {
            file[16..20].copy_from_slice(&side.to_be_bytes());
            file[20..24].copy_from_slice(&side.to_be_bytes());
            let checksum = crc(&file[12..29]);
            file[29..33].copy_from_slice(&checksum.to_be_bytes());
            assert_eq!(show(&file, 100).map(drop), Err(Refusal::Large), "{side}");
        }
    }

    /// As PNG has it.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
        })
    }
}
