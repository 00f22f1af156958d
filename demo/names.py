"""Names for a fictional province: nobody and no place in here exists."""

FAMILY = ["Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Phan", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý"]
MIDDLE = ["Văn", "Thị", "Hữu", "Ngọc", "Minh", "Thanh", "Quốc", "Kim", "Đức", "Thúy", "Hoàng", "Mỹ"]
GIVEN = ["An", "Bình", "Châu", "Dũng", "Đạt", "Giang", "Hà", "Hạnh", "Hiếu", "Hoa", "Hùng", "Hương", "Khánh", "Khoa", "Lan",
         "Linh", "Long", "Mai", "Nam", "Nga", "Nghĩa", "Phong", "Phúc", "Phương", "Quân", "Quỳnh", "Sơn", "Tâm", "Thảo",
         "Thắng", "Thủy", "Tiến", "Trang", "Trí", "Trung", "Tuấn", "Tùng", "Uyên", "Việt", "Vy", "Xuân", "Yến"]

# code, name, tier, parent
PROVINCE = ("TINH", "Tỉnh Tre Xanh", "province", "")
DEPARTMENTS = [
    ("VPTU", "Văn phòng Tỉnh ủy"), ("BTC", "Ban Tổ chức"), ("BTGDV", "Ban Tuyên giáo và Dân vận"),
    ("UBKT", "Ủy ban Kiểm tra"), ("BNC", "Ban Nội chính"), ("VPUB", "Văn phòng Ủy ban"),
    ("SKHCN", "Sở Khoa học và Công nghệ"), ("STC", "Sở Tài chính"), ("SNV", "Sở Nội vụ"), ("SYT", "Sở Y tế"),
    ("SGDDT", "Sở Giáo dục và Đào tạo"), ("SXD", "Sở Xây dựng"), ("STP", "Sở Tư pháp"),
    ("SNNMT", "Sở Nông nghiệp và Môi trường"), ("TTCH", "Trung tâm Dữ liệu"),
]
COMMUNES = ["An Phú Tre", "Bình Lũy", "Cồn Trúc", "Đông Măng", "Giồng Tầm Vông", "Hòa Nứa", "Long Mỹ Trúc", "Mỹ Lồ Ô",
            "Phú Mai Tre", "Rạch Nứa", "Sơn Trúc", "Tân Lũy", "Thạnh Măng", "Tiên Trúc", "Trung Lũy", "Vàm Tre",
            "Vĩnh Nứa", "Xuân Măng"]


def person_name(rng):
    return f"{rng.choice(FAMILY)} {rng.choice(MIDDLE)} {rng.choice(GIVEN)}"


def ascii_fold(text):
    import unicodedata
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in plain if not unicodedata.combining(c))
