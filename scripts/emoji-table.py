#!/usr/bin/env python3
"""Writes desktop/emoji/emoji.tsv: the emoji of Unicode's list that the bundled font draws, in its order, with CLDR's words for them in
English and Russian. Skin tones are left out. To be run when the font, or Unicode, has new ones:

    apt install unicode-cldr-core unicode-data python3-fonttools
    scripts/emoji-table.py > desktop/emoji/emoji.tsv
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from fontTools.ttLib import TTFont

CLDR = Path("/usr/share/unicode/cldr/common")
LIST = Path("/usr/share/unicode/emoji/emoji-test.txt")
FONT = Path(__file__).parent.parent / "desktop/fonts/TwemojiMozilla.ttf"
VARIATION = "\ufe0f"
SKIN_TONES = range(0x1F3FB, 0x1F400)


def words(lang):
    """What CLDR calls each emoji, its name first."""
    names, keywords = {}, {}
    for folder in ("annotationsDerived", "annotations"):
        for annotation in ET.parse(CLDR / folder / f"{lang}.xml").getroot().iter("annotation"):
            emoji = annotation.get("cp").replace(VARIATION, "")
            said = [word.strip() for word in (annotation.text or "").split("|")]
            if annotation.get("type") == "tts":
                names[emoji] = said[0]
            else:
                keywords[emoji] = said
    return {
        emoji: "|".join({word.lower(): word for word in [name, *keywords.get(emoji, [])]}.values())
        for emoji, name in names.items()
    }


class Font:
    def __init__(self, path):
        font = TTFont(path)
        self.glyphs = font.getBestCmap()
        self.ligatures = set()
        for lookup in font["GSUB"].table.LookupList.Lookup:
            for table in lookup.SubTable:
                table = getattr(table, "ExtSubTable", table)
                for first, ligatures in getattr(table, "ligatures", {}).items():
                    self.ligatures |= {(first, *ligature.Component) for ligature in ligatures}

    def draws(self, emoji):
        """Whether it is one glyph, with or without the variation selector in it."""
        bare = tuple(self.glyphs.get(ord(sign)) for sign in emoji if sign != VARIATION)
        whole = tuple(self.glyphs.get(ord(sign)) for sign in emoji)
        return None not in bare and (len(bare) == 1 or bare in self.ligatures or whole in self.ligatures)


def main():
    font, english, russian = Font(FONT), words("en"), words("ru")
    group = written = None
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.split(":", 1)[1].strip()
        if "; fully-qualified" not in line:
            continue
        emoji = "".join(chr(int(sign, 16)) for sign in line.split(";")[0].split())
        bare = emoji.replace(VARIATION, "")
        has_tone = any(ord(sign) in SKIN_TONES for sign in emoji)
        if has_tone or not font.draws(emoji) or bare not in english or bare not in russian:
            continue
        if group != written:
            sys.stdout.write(f"# {group}\n")
            written = group
        sys.stdout.write(f"{emoji}\t{english[bare]}\t{russian[bare]}\n")


main()
