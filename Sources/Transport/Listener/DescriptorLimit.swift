import Glibc

/// How many descriptors, so connections, the process may have open.
package enum DescriptorLimit {
    /// Takes what the system allows. The soft limit is 1024 on most machines, for the sake of programs that use
    /// `select(2)`; every agent is a connection that stays open.
    /// - Returns: the soft limit from before, and the hard one, for programs that are started; nil when it stays.
    @discardableResult
    package static func raise() -> (soft: UInt64, hard: UInt64)? {
        var limit = rlimit()
        guard unsafe getrlimit(kind, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return nil }
        let before = (soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
        limit.rlim_cur = limit.rlim_max
        return unsafe setrlimit(kind, &limit) == 0 ? before : nil
    }

    /// The soft limit.
    package static var current: Int {
        var limit = rlimit()
        guard unsafe getrlimit(kind, &limit) == 0 else { return .max }
        return Int(clamping: limit.rlim_cur)
    }

    private static let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
}
