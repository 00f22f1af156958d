/* What stands beside a record for people: one folded text to search in, and a
 * key to sort its title by. */
#include "registry/file-int.h"
#include "base/text.h"

enum { FOLDED_MAX = 8192, PART_MAX = 2000 };

str rec_folded(struct arena *a, const struct rec *rec)
{
    struct buf b;

    buf_init(&b, FOLDED_MAX);
    for (size_t i = 0; i < rec->k->nfields; i++) {
        enum ftype t = rec->k->fields[i].type;
        if (rec->v[i].type != VAL_TEXT || rec->k->fields[i].read != 0 || /* searched by everybody */
            t == FT_ENUM || t == FT_DATE || t == FT_DURATION || t == FT_JSON)
            continue;
        str part = rec->v[i].s;
        struct file_value file;
        if (t == FT_FILE) /* by its name; nobody searches for a hash */
            part = file_value_load(a, part, &file) ? file.name : STR("");
        part.n = utf8_cut(part, PART_MAX);
        str shown = t == FT_FQDN || t == FT_EMAIL ? host_shown(a, part) : part;
        if (!str_eq(shown, part)) { /* found by either form */
            buf_byte(&b, ' ');
            buf_str(&b, shown);
        }
        buf_byte(&b, ' '); /* a part that does not fit is left out whole */
        buf_str(&b, part);
    }
    str out = text_fold(a, str_trim(buf_view(&b)));
    buf_done(&b);
    return out;
}

str rec_title_sort(struct arena *a, const struct rec *rec)
{
    str title = rec->v[rec->k->title_field].s;

    title.n = utf8_cut(title, 200);
    return text_sort_key(a, title);
}
