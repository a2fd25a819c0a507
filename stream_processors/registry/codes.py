"""Closed lists of codes that decisions accept. A value outside its list is refused, never guessed.

Lists that law or practice may extend are strings in the schemas and lists here: a new code is a new line, and a
change that used it too early is a refusal that names the rule instead of bytes that nobody can read.
"""

PADAN, NAME_DIFFERS, NAME_IN_DOUBT = "PADAN", "NAMA_BEDA", "NAMA_MERAGUKAN"
PADAN_STATUSES = frozenset(
    {
        PADAN,
        "NIK_TIDAK_DITEMUKAN",
        "NIK_KOSONG",
        "NIK_GANDA",
        NAME_DIFFERS,
        NAME_IN_DOUBT,
        "TGL_LAHIR_BEDA",
        "KK_TIDAK_VALID",
        "MENINGGAL",
        "PINDAH",
        "BELUM_REKAM_KTPEL",
        "KK_SENDIRIAN",
    }
)  # domain guide 6: our list, no official one is public
_LEFT = frozenset({"PINDAH", "KELUAR_KK", "KAWIN", "PECAH_KK", "GABUNG"})  # who goes on in another family
END_REASONS = frozenset({"MENINGGAL", "PINDAH_LN", "GANDA", "TIDAK_PADAN"}) | _LEFT  # 4.D
CONTEST_REASONS = frozenset({"ANGGOTA_DI_DUA_KELUARGA", "NIK_GANDA", "MENINGGAL"})  # Kepmensos 150/HUK/2022; 4.D
PROPOSAL_KINDS = frozenset(
    {"BARU", "PERBAIKAN", "PENGHAPUSAN", "PINDAH", "MENINGGAL", "PECAH_KK", "REAKTIVASI_PBI", "PERUBAHAN_DESIL"}
)  # 4.A
PROPOSERS = frozenset({"WARGA", "RT_RW", "OPERATOR_DESA", "KEMENSOS"})
CHANNELS = frozenset({"FORMAL", "PARTISIPASI"})
RANKING_BASES = frozenset({"FAMILIES", "PERSONS"})  # 7: official statements contradict each other

PENDING, CONFIRMED, CONTESTED, ENDED = "PENDING", "CONFIRMED", "CONTESTED", "ENDED"
ACTIVE_STANDINGS = frozenset({PENDING, CONFIRMED})
FAMILY_ACTIVE = "AKTIF"
SINGLE, MARRIED = 1, 2  # Regsosek 408
