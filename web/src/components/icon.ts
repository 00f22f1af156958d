import type { SearchOutlined } from "@ant-design/icons";

/** Any icon of the set. Each stands beside its word, so it is hidden from readers aloud. */
export type IconType = typeof SearchOutlined;
