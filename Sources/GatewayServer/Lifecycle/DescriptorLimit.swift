import Foundation

/// How many connections the process may have open.
enum DescriptorLimit {
    /// Takes what the system allows. The soft limit is 1024 on most machines, for the sake of programs that use
    /// `select(2)`; every agent is a connection that stays open.
    static func raise() {
        var limit = rlimit()
        guard getrlimit(Self.kind, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(Self.kind, &limit)
    }

    #if canImport(Glibc)
        private static let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let kind = RLIMIT_NOFILE
    #endif
}
