#include <maxminddb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Memory that has a descriptor, closed on exec; -1 on failure.
static inline int cmaxminddb_memory(void) { return (int)syscall(SYS_memfd_create, "geoip", 1U); }

// The database of a file; NULL, and why, where there is none. To be closed by cmaxminddb_close.
static inline MMDB_s *cmaxminddb_open(const char *path, int *status) {
    MMDB_s *database = calloc(1, sizeof *database);
    if (database == NULL) {
        *status = MMDB_OUT_OF_MEMORY_ERROR;
        return NULL;
    }
    *status = MMDB_open(path, MMDB_MODE_MMAP, database);
    if (*status == MMDB_SUCCESS) return database;
    free(database);
    return NULL;
}

static inline void cmaxminddb_close(MMDB_s *database) {
    MMDB_close(database);
    free(database);
}

// What is said of an address of 4 or 16 bytes.
static inline bool cmaxminddb_find(const MMDB_s *database, const uint8_t *bytes, size_t count, MMDB_entry_s *entry) {
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    const struct sockaddr *address;
    if (count == 4) {
        memcpy(&ipv4.sin_addr, bytes, 4);
        address = (const struct sockaddr *)&ipv4;
    } else if (count == 16) {
        memcpy(&ipv6.sin6_addr, bytes, 16);
        address = (const struct sockaddr *)&ipv6;
    } else {
        return false;
    }
    int status = MMDB_SUCCESS;
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(database, address, &status);
    if (status != MMDB_SUCCESS || !found.found_entry) return false;
    *entry = found.entry;
    return true;
}

// The text at outer, or at inner below it where that is not NULL; it lives as long as the database. The library's own
// function takes any number of names, which Swift does not import.
static inline const char *cmaxminddb_text(MMDB_entry_s *entry, const char *outer, const char *inner, uint32_t *length) {
    const char *const path[] = {outer, inner, NULL};
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS) return NULL;
    if (!data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING) return NULL;
    *length = data.data_size;
    return data.utf8_string;
}
