#define _GNU_SOURCE
#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>

#define FUNCTIONS(each) \
    each(easy_cleanup) each(easy_getinfo) each(easy_init) each(easy_setopt) each(easy_strerror) each(free) \
    each(global_init) each(multi_add_handle) each(multi_info_read) each(multi_init) each(multi_perform) \
    each(multi_poll) each(multi_remove_handle) each(multi_wakeup) each(share_cleanup) each(share_init) \
    each(share_setopt) each(slist_append) each(slist_free_all) each(url) each(url_cleanup) each(url_get) each(url_set)

// Written once, by load().
static struct {
#define MEMBER(name) __typeof__(&curl_##name) name;
    FUNCTIONS(MEMBER)
} library;
static bool is_loaded;

static void load(void) {
    // What it brings along is seen by nobody else: some of it is linked into the program in another version.
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    is_loaded = true;
#define FIND(name) \
    if (!(library.name = (__typeof__(library.name))dlsym(handle, "curl_" #name))) is_loaded = false;
    FUNCTIONS(FIND)
}

bool ccurl_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return is_loaded;
}

CURLcode ccurl_global_init(long flags) { return ccurl_load() ? library.global_init(flags) : CURLE_FAILED_INIT; }

CURL *ccurl_easy_init(void) { return ccurl_load() ? library.easy_init() : NULL; }
void ccurl_easy_cleanup(CURL *easy) { library.easy_cleanup(easy); }
const char *ccurl_easy_strerror(CURLcode code) { return library.easy_strerror(code); }

CURLM *ccurl_multi_init(void) { return ccurl_load() ? library.multi_init() : NULL; }
CURLMcode ccurl_multi_add_handle(CURLM *multi, CURL *easy) { return library.multi_add_handle(multi, easy); }
CURLMcode ccurl_multi_remove_handle(CURLM *multi, CURL *easy) { return library.multi_remove_handle(multi, easy); }
CURLMcode ccurl_multi_perform(CURLM *multi, int *running) { return library.multi_perform(multi, running); }
CURLMcode ccurl_multi_poll(CURLM *multi, struct curl_waitfd *extra, unsigned count, int milliseconds, int *ready) {
    return library.multi_poll(multi, extra, count, milliseconds, ready);
}
CURLMcode ccurl_multi_wakeup(CURLM *multi) { return library.multi_wakeup(multi); }
CURLMsg *ccurl_multi_info_read(CURLM *multi, int *left) { return library.multi_info_read(multi, left); }

CURLSH *ccurl_share_init(void) { return ccurl_load() ? library.share_init() : NULL; }
CURLSHcode ccurl_share_cleanup(CURLSH *share) { return library.share_cleanup(share); }
CURLSHcode ccurl_share_names(CURLSH *share) {
    return library.share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
}

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text) {
    return ccurl_load() ? library.slist_append(list, text) : NULL;
}
// The list of nothing may be freed before anything was loaded.
void ccurl_slist_free_all(struct curl_slist *list) {
    if (list) library.slist_free_all(list);
}

CURLU *ccurl_url(void) { return ccurl_load() ? library.url() : NULL; }
void ccurl_url_cleanup(CURLU *url) { library.url_cleanup(url); }
CURLUcode ccurl_url_get(CURLU *url, CURLUPart part, char **text, unsigned flags) {
    return library.url_get(url, part, text, flags);
}
CURLUcode ccurl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned flags) {
    return library.url_set(url, part, text, flags);
}
void ccurl_free(void *memory) { library.free(memory); }

CURLcode ccurl_set_number(CURL *easy, CURLoption option, long value) {
    return library.easy_setopt(easy, option, value);
}
CURLcode ccurl_set_size(CURL *easy, CURLoption option, curl_off_t value) {
    return library.easy_setopt(easy, option, value);
}
CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *value) {
    return library.easy_setopt(easy, option, value);
}
CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return library.easy_setopt(easy, option, value);
}
CURLcode ccurl_set_write(CURL *easy, ccurl_write function, void *context) {
    CURLcode code = library.easy_setopt(easy, CURLOPT_WRITEFUNCTION, function);
    return code != CURLE_OK ? code : library.easy_setopt(easy, CURLOPT_WRITEDATA, context);
}
CURLcode ccurl_set_open_socket(CURL *easy, ccurl_open_socket function, void *context) {
    CURLcode code = library.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, function);
    return code != CURLE_OK ? code : library.easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
}
CURLcode ccurl_get_number(CURL *easy, CURLINFO info, long *value) { return library.easy_getinfo(easy, info, value); }
CURLcode ccurl_get_text(CURL *easy, CURLINFO info, const char **value) {
    return library.easy_getinfo(easy, info, value);
}

curl_socket_t ccurl_socket(const struct curl_sockaddr *address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
const void *ccurl_address(const struct curl_sockaddr *address) { return &address->addr; }
