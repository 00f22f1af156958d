#include "vault/hasher.h"
#include <openssl/evp.h>
#include <stdlib.h>
#ifdef LUY_IPSEC_MB
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>
#endif

struct hasher {
#ifdef LUY_IPSEC_MB
    IMB_MGR *mgr;
#endif
    EVP_MD_CTX *ctx;
};

struct hasher *hasher_new(void)
{
    struct hasher *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
#ifdef LUY_IPSEC_MB
    h->mgr = alloc_mb_mgr(0);
    if (h->mgr != NULL)
        init_mb_mgr_auto(h->mgr, NULL);
    if (h->mgr != NULL && imb_get_errno(h->mgr) == 0)
        return h;
    if (h->mgr != NULL) /* a processor that it does not know */
        free_mb_mgr(h->mgr);
    h->mgr = NULL;
#endif
    h->ctx = EVP_MD_CTX_new();
    if (h->ctx == NULL) {
        free(h);
        return NULL;
    }
    return h;
}

void hasher_free(struct hasher *h)
{
    if (h == NULL)
        return;
#ifdef LUY_IPSEC_MB
    if (h->mgr != NULL)
        free_mb_mgr(h->mgr);
#endif
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

static void one_by_one(struct hasher *h, const str *in, struct sha256 *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        /* Fails only without memory or without a provider: nothing can go on then. */
        if (EVP_DigestInit_ex2(h->ctx, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(h->ctx, in[i].p, in[i].n) != 1 ||
            EVP_DigestFinal_ex(h->ctx, out[i].b, NULL) != 1)
            abort();
}

#ifdef LUY_IPSEC_MB
static void submit(IMB_MGR *m, str in, struct sha256 *out)
{
    IMB_JOB *job = IMB_GET_NEXT_JOB(m);

    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->hash_alg = IMB_AUTH_SHA_256;
    job->src = (const uint8_t *)in.p;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = in.n;
    job->auth_tag_output = out->b;
    job->auth_tag_output_len_in_bytes = sizeof(out->b);
    for (job = IMB_SUBMIT_JOB_NOCHECK(m); job != NULL; job = IMB_GET_COMPLETED_JOB(m))
        if (job->status != IMB_STATUS_COMPLETED)
            abort(); /* a digest without a key has no way to fail */
}
#endif

void hasher_many(struct hasher *h, const str *in, struct sha256 *out, size_t n)
{
#ifdef LUY_IPSEC_MB
    if (h->mgr != NULL) {
        for (size_t i = 0; i < n; i++)
            submit(h->mgr, in[i].n == 0 ? STR("") : in[i], &out[i]);
        while (IMB_FLUSH_JOB(h->mgr) != NULL)
            ;
        return;
    }
#endif
    one_by_one(h, in, out, n);
}
