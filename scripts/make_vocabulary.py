"""Write the vocabulary that this project's own models are trained with.

In: the knowledge base, and optionally unlabelled text. Out: ``vocab.txt``, one token a line:
special tokens, ASCII, digits and letters inside words, abbreviations of the field, GB2312's
characters, and characters beyond it that the knowledge base or the text uses.
"""

from __future__ import annotations

import argparse
import gzip
import re
import string
from collections import Counter
from pathlib import Path

from gi_classifier.text import SPECIAL, normalise

ROOT = Path(__file__).resolve().parent.parent
# Traditional forms of characters that records of the digestive tract use.
TRADITIONAL = (
    "腸鏡檢術變腫瘤潰瘍闌門賁膽胰臟結石狀後擴張動靜脈內醫師診斷發現無異見觀點處約個壁層縱膠囊導"
    "電圖腦關節顱頸頰頷頭頂額顏類顯體驗癥療養護區間隔斷連續週歲歷覺飲嚥嘔氣便祕瀉鈉鉀鈣鐵鋇餐側顆粒"
    "窺測試陽陰極繼續進遠過還運達適選複雜難預質費購貼贅輕較轉軟鬆緊壓痛熱燒傷創縫線絲綫統計許詢該說"
    "請謝證譫讀變貧實對將嚴專屬屍嶺應廣廢強彈徵從復惡慮慢懷戶擊據損搖擇擬擔換攝數敵時暈會條樣樞標機"
    "權殘殺氫淺測準滅滿漸潔濁濕灣為爾牽獨獲環現產畫當癢癒癌癱皺盤監眾睜碩確禦種積穩窪競筆節範築簡簽"
    "糞糾級細紅純紗純紙紋納紛組終絞統絲經綜網緩線緣縣縮總織繞繩羅義習聞聯聲職聽腎脫腳膚臉臨舉舊艙"
)
BEYOND = (
    "黏鏡疣痂痤疹疱疸癀瘢瘘瘤癃癍癔皲皴睑睾硒硇碚祛糜腓腘腭腮腴膈膑臀舂舐舯菪萎薷蛲衄裰觞谵跖跗踝躯辜鄂酐酚醌醛鎓閾韧颌颅颏颧"
    "骶骺髂髋髌髓鼾齲龈龋"
)
PIECES = (
    "ercp est enbd eus fna esd emr eftr poem ster evl apc lst ssa tips gist net nec peg hp ct "
    "mri pet mr ecg eeg tee ptcd mrcp cea ca afp psa hbsag hiv wbc rbc hb plt crp alt ast tbil "
    "hba1c who tnm cm mm ml mg kg ug iu bid tid qd qn po im iv prn st ivgtt min dl mmol mmhg "
    "bpm xelox folfox chop pph tst dixon miles hartmann billroth roux en barrett crohn uc ibd "
    "ibs gerd les msi mmr cd ck cdx ki her ttf syn cga vim sma nbi me boston mayo forrest "
    "borrmann la pt ct yp nx mx no not and or the of in to dr mallory weiss dieulafoy heller "
    "nissen child pugh copd icu dna rna igg igm "
).split()


def lines(path: Path) -> list[str]:
    """The lines of a text file, compressed or not."""
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return text.decode("utf-8").splitlines()


def vocabulary(knowledge: Path, corpora: list[Path], least: int) -> list[str]:
    """The tokens in order; a corpus character counts from ``least`` occurrences."""
    gb2312 = [
        bytes([high, low]).decode("gb2312", "ignore")
        for high in range(0xB0, 0xF8)
        for low in range(0xA1, 0xFF)
    ]
    written = "".join(path.read_text(encoding="utf-8") for path in sorted(knowledge.glob("*.toml")))
    counts = Counter(c for path in corpora for line in lines(path) for c in normalise(line).lower())
    used = {c for c in normalise(written).lower() if not c.isspace()}
    used |= {c for c, count in counts.items() if count >= least and not c.isspace()}
    printable = [
        c for c in string.printable if c.isprintable() and not c.isspace() and not c.isupper()
    ]
    inside = [f"##{c}" for c in string.ascii_lowercase + string.digits]
    inside += [f"##{piece}" for piece in PIECES if re.fullmatch("[a-z]{2,3}", piece)]
    characters = [*TRADITIONAL, *BEYOND, *sorted(used), *gb2312]
    kept = [c for c in characters if c and (c.isascii() or not c.isupper())]
    return list(dict.fromkeys([*SPECIAL, *printable, *inside, *PIECES, *kept]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--knowledge", type=Path, default=ROOT / "data" / "knowledge")
    parser.add_argument("--corpus", type=Path, nargs="*", default=[])
    parser.add_argument("--least", type=int, default=5, help="occurrences in the corpus that count")
    args = parser.parse_args()
    tokens = vocabulary(args.knowledge, args.corpus, args.least)
    args.output.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    print(f"{len(tokens)} tokens in {args.output}")


if __name__ == "__main__":
    main()
