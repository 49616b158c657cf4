// libcurl, loaded when it is asked for the first time. It brings some thirty libraries along, which would cost each start
// milliseconds and an idle gateway MiBs. Each function is libcurl's of the same name; those that begin something load it and
// fail where it is not there, the others are given what these have made.
#ifndef NEZHA_CCURL_H
#define NEZHA_CCURL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/socket.h>

/// Whether libcurl is there; loads it.
bool ccurl_load(void);

CURLcode ccurl_global_init(long flags);

CURL *ccurl_easy_init(void);
void ccurl_easy_cleanup(CURL *easy);
const char *ccurl_easy_strerror(CURLcode code);

CURLM *ccurl_multi_init(void);
CURLMcode ccurl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode ccurl_multi_remove_handle(CURLM *multi, CURL *easy);
CURLMcode ccurl_multi_perform(CURLM *multi, int *running);
CURLMcode ccurl_multi_poll(CURLM *multi, struct curl_waitfd *extra, unsigned count, int milliseconds, int *ready);
CURLMcode ccurl_multi_wakeup(CURLM *multi);
CURLMsg *ccurl_multi_info_read(CURLM *multi, int *left);

CURLSH *ccurl_share_init(void);
CURLSHcode ccurl_share_cleanup(CURLSH *share);
CURLSHcode ccurl_share_names(CURLSH *share);

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text);
void ccurl_slist_free_all(struct curl_slist *list);

CURLU *ccurl_url(void);
void ccurl_url_cleanup(CURLU *url);
CURLUcode ccurl_url_get(CURLU *url, CURLUPart part, char **text, unsigned flags);
CURLUcode ccurl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned flags);
void ccurl_free(void *memory);

// libcurl's setters are variadic, which Swift does not import: one for each type that is used.
typedef size_t (*ccurl_write)(char *bytes, size_t size, size_t count, void *context);
typedef curl_socket_t (*ccurl_open_socket)(void *context, curlsocktype purpose, struct curl_sockaddr *address);

CURLcode ccurl_set_number(CURL *easy, CURLoption option, long value);
CURLcode ccurl_set_size(CURL *easy, CURLoption option, curl_off_t value);
CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value);
CURLcode ccurl_set_write(CURL *easy, ccurl_write function, void *context);
CURLcode ccurl_set_open_socket(CURL *easy, ccurl_open_socket function, void *context);
CURLcode ccurl_get_number(CURL *easy, CURLINFO info, long *value);
CURLcode ccurl_get_text(CURL *easy, CURLINFO info, const char **value);

/// Opens the socket that libcurl asks for, closed on exec; -1 on failure.
curl_socket_t ccurl_socket(const struct curl_sockaddr *address);
const void *ccurl_address(const struct curl_sockaddr *address);

#endif
