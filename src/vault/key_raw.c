/* Keys that evolve: raw public halves for records of fixed size, and forgetting. */
#include "vault/vault-int.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

int vault_public_raw(struct vault *v, str name, uint8_t out[VAULT_RAW_PUBLIC], struct err *e)
{
    EVP_PKEY *k;
    size_t n = VAULT_RAW_PUBLIC;
    int rc = vault_key_get(v, name, &k, e);

    if (rc < 0)
        return rc;
    if (!EVP_PKEY_is_a(k, "ED25519") || EVP_PKEY_get_raw_public_key(k, out, &n) != 1 || n != VAULT_RAW_PUBLIC)
        rc = ERR(e, -EINVAL, "vault.not_ed25519", S(name));
    EVP_PKEY_free(k);
    return rc;
}

int vault_verify_raw(const uint8_t pub[VAULT_RAW_PUBLIC], str data, const uint8_t sig[VAULT_RAW_SIG], struct err *e)
{
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, VAULT_RAW_PUBLIC);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool fits =
        k != NULL && ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, k, NULL) == 1 &&
        EVP_DigestVerify(ctx, sig, VAULT_RAW_SIG, (const unsigned char *)(data.n == 0 ? "" : data.p), data.n) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(k);
    ERR_clear_error();
    return fits ? 0 : ERR(e, -EBADMSG, "vault.signature", "Ed25519");
}

static void drop_loaded(struct vault *v, str name)
{
    pthread_mutex_lock(&v->lock);
    for (size_t i = 0; i < v->n; i++) {
        if (!str_eq(str_c(v->keys[i].name), name))
            continue;
        EVP_PKEY_free(v->keys[i].pkey);
        v->keys[i] = v->keys[--v->n];
        break;
    }
    pthread_mutex_unlock(&v->lock);
}

static int overwrite(const char *path, struct err *e)
{
    static const char zero[512];
    struct stat st;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;

    if (fd < 0)
        return errno == ENOENT ? 0 : ERR(e, -errno, "vault.forget", path);
    if (fstat(fd, &st) < 0)
        rc = -errno;
    for (off_t at = 0; rc == 0 && at < st.st_size; at += (off_t)sizeof(zero)) {
        size_t left = (size_t)(st.st_size - at);
        rc = fd_write_all(fd, zero, left < sizeof(zero) ? left : sizeof(zero));
    }
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    close(fd);
    if (rc == 0 && unlink(path) < 0)
        rc = -errno;
    return rc < 0 ? ERR(e, rc, "vault.forget", path) : 0;
}

int vault_key_forget(struct vault *v, str name, struct err *e)
{
    char path[VAULT_PATH_MAX];
    int rc = vault_path(v, name, "key", path, e);

    if (rc < 0)
        return rc;
    drop_loaded(v, name);
    rc = overwrite(path, e);
    return rc < 0 ? rc : file_sync_dir(v->dir, e);
}
