/* Documents inside the registry: what may come in, the value, the bytes. */
#ifndef LUY_REGISTRY_FILE_INT_H
#define LUY_REGISTRY_FILE_INT_H
#include "registry/attach.h"
#include "registry/registry-int.h"

enum { FILE_NAME_MAX = 120, SHA256_HEX = 64 };

/* file_type.c: judged by the bytes, never by what somebody says of them. Static text, or NULL. */
const char *file_sniff(str bytes);
/* 0; or -EINVAL, -EFBIG, -EMEDIUMTYPE. *name as it is kept, *type its media type. */
int file_judge(struct arena *a, const struct file_in *in, str *name, const char **type, struct err *e);
/* The media type of what was sniffed so under that name: -EMEDIUMTYPE when its ending says
 * something else. text/plain and text/csv cannot be told apart by their bytes: the name says. */
int file_type_named(str sniffed, str name, const char **type, struct err *e);
int file_name_check(str name, struct err *e);

/* value_file.c: the value of a field. In a cell: NAME sha256:HEX. */
struct file_value {
    str name, sha256, type;
    int64_t size; /* -1 and type empty: not known yet, the store says */
};
int file_value_parse(struct arena *a, str text, struct file_value *out, struct err *e);
int file_value_from_json(struct arena *a, const json_t *in, struct file_value *out, struct err *e);
str file_value_store(struct arena *a, const struct file_value *v); /* the column's text */
str file_value_cell(struct arena *a, str stored);
bool file_value_load(struct arena *a, str stored, struct file_value *out);

/* blobs.c: bytes by their SHA-256 (hex). */
int blobs_tables(struct tx *tx, struct err *e);
int blob_put(struct write *w, str sha256, const char *type, str bytes, struct err *e);
int blob_find(struct tx *tx, struct arena *a, str sha256, int64_t *size, str *type, struct err *e); /* 1, 0 */
/* Has this account brought it, with no record naming it yet? 1, 0 */
int blob_brought(struct tx *tx, str sha256, int64_t account, struct err *e);
int blob_named(struct tx *tx, str sha256, struct err *e); /* a record names it from now on */
/* -EIO when they are gone or not those. `out` NULL: only looked at. */
int blob_read(struct tx *tx, str sha256, struct buf *out, bool *missing, struct err *e);
int blob_drop(struct tx *tx, str sha256, struct err *e);

/* file_named.c: where documents are named. fn must not use the transaction. */
struct file_name_at {
    str kind, field, name, sha256;
    int64_t id;
};
typedef bool file_named_fn(void *ctx, const struct file_name_at *x); /* false: enough */
int files_named(struct registry *r, struct tx *tx, file_named_fn *fn, void *ctx, struct err *e);
enum named { NAMED_NOWHERE, NAMED_BY_CHANGE, NAMED_BY_RECORD }; /* BY_RECORD: now or ever, as the history has it */
int file_is_named(struct tx *tx, str sha256, enum named *out, struct err *e);
int file_in_change(struct tx *tx, str sha256, struct err *e); /* 1, 0 */

/* attach.c: a value that was given, against the store; a mistake is noted. */
int file_field_judge(struct write *w, const struct field *f, const struct val *old, struct input_field *in,
                     struct val *out, struct err *e);
/* file_forget.c: the documents that a record's personal values name, asked before they are
 * blanked; afterwards the bytes of those that nothing names any more go too. */
struct file_list {
    str *sha256;
    size_t n;
};
int files_personal(struct write *w, const struct kind *k, int64_t id, struct file_list *out, struct err *e);
int files_forget(struct write *w, const struct file_list *l, struct err *e);
#endif
