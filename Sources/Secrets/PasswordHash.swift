import CSodium

/// Hashes of passwords: Argon2id in the PHC string form (`$argon2id$v=19$m=…`).
///
/// Each call takes about 60 ms or more of a processor and, at the interactive cost, 64 MiB: in asynchronous code use
/// ``makeDetached(_:cost:)`` and its companions, which keep this off the cooperative pool and bound how many run.
package enum PasswordHash {
    /// How hard guessing is.
    package struct Cost: Sendable, Hashable {
        /// Passes over the memory.
        package let operations: UInt64
        /// Bytes of memory.
        package let memory: Int

        package init(operations: UInt64, memory: Int) {
            self.operations = operations
            self.memory = memory
        }

        /// Two passes over 64 MiB.
        package static let interactive = Cost(operations: 2, memory: 64 << 20)
        /// The least that Argon2id allows; for tests only.
        package static let minimal = Cost(operations: 1, memory: 8 << 10)
    }

    /// A new salted hash of the password.
    /// - Throws: ``SecretsError/outOfMemory``, or ``SecretsError/malformed(_:)`` for a cost out of range.
    package static func make(_ password: String, cost: Cost = .interactive) throws -> String {
        try Sodium.start()
        guard cost.operations >= 1, cost.operations <= UInt64(UInt32.max),
            cost.memory >= 8 << 10, cost.memory <= 4 << 30
        else { throw SecretsError.malformed("cost") }
        let bytes = password.utf8.map { CChar(bitPattern: $0) }
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let result = unsafe crypto_pwhash_str(&text, bytes, UInt64(bytes.count), cost.operations, cost.memory)
        guard result == 0 else { throw SecretsError.outOfMemory }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether the password belongs to the hash, which may be bcrypt's, of an imported database; `false` also for a text
    /// that is no hash.
    package static func verify(_ password: String, against hash: String) -> Bool {
        if BcryptHash.isHash(hash) { return BcryptHash.verify(password, against: hash) }
        Sodium.require()
        // libsodium reads up to the first NUL; a hash with bytes behind it is not one we made.
        guard hash.utf8.count < Int(crypto_pwhash_STRBYTES), !hash.utf8.contains(0) else { return false }
        let bytes = password.utf8.map { CChar(bitPattern: $0) }
        return unsafe crypto_pwhash_str_verify(hash, bytes, UInt64(bytes.count)) == 0
    }

    /// Whether a hash is of a kind that is not made any more, and gets replaced when its password is known.
    package static func isOutdated(_ hash: String) -> Bool { BcryptHash.isHash(hash) }

    /// Takes as long as a failed ``verify(_:against:)``, so that an unknown user name does not answer faster.
    package static func verifyDummy(_ password: String) {
        _ = verify(password, against: dummy)
    }

    /// A hash at the interactive cost of a random password that nobody kept. A constant, because making one at first
    /// use would make the first unknown user visible.
    private static let dummy =
        "$argon2id$v=19$m=65536,t=2,p=1$cMbHHbgc0tQJSEbPcAEuzw$vTBAOr4cpuyrZIhg3I3m9z2flcZX19TXM1ixcerF3PI"
}

extension PasswordHash {
    /// ``make(_:cost:)`` on a thread of its own.
    /// - Throws: also `CancellationError` when the task was cancelled before its turn came.
    package static func makeDetached(_ password: String, cost: Cost = .interactive) async throws -> String {
        guard let result = await PasswordWorkers.shared.run({ Result { try make(password, cost: cost) } })
        else { throw CancellationError() }
        return try result.get()
    }

    /// ``verify(_:against:)`` on a thread of its own; `false` when the task was cancelled before its turn came.
    /// - Throws: ``SecretsError/busy``.
    package static func verifyDetached(_ password: String, against hash: String) async throws(SecretsError) -> Bool {
        try await PasswordWorkers.shared.runIfRoom { verify(password, against: hash) } ?? false
    }

    /// ``verifyDummy(_:)`` on a thread of its own.
    /// - Throws: ``SecretsError/busy``, so that under load an unknown user answers as a known one does.
    package static func verifyDummyDetached(_ password: String) async throws(SecretsError) {
        try await PasswordWorkers.shared.runIfRoom { verifyDummy(password) }
    }
}
