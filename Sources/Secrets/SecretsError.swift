/// Why a secret could not be made or read. No case carries key material or plain text.
package enum SecretsError: Error, Sendable, Equatable {
    /// libsodium could not be set up (no source of randomness).
    case initialisation
    /// There is not enough memory for the asked cost.
    case outOfMemory
    /// An argument has the wrong form; the text says which.
    case malformed(String)
    /// So many passwords wait to be hashed that another one would wait too long; nothing was done.
    case busy
    /// A sealed box was made with another key, cut short or changed.
    case cannotOpen
}
