import CSodium

/// The set-up of libsodium, done once for the process.
enum Sodium {
    /// 0 when set up by us, 1 when somebody did it before, −1 on failure. A static is initialised exactly once.
    private static let status = sodium_init()

    static func start() throws(SecretsError) {
        if status < 0 { throw .initialisation }
    }

    /// For the calls that cannot throw. Going on without randomness would hand out guessable secrets, and
    /// libsodium itself aborts the process in that state; so this stops as well.
    static func require() {
        precondition(status >= 0, "libsodium has no source of randomness")
    }
}
