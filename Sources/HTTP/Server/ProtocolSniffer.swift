/// Tells cleartext HTTP/2 by prior knowledge (gRPC) from HTTP/1 by the first bytes of a connection.
///
/// A pure state machine: bytes in, a verdict out. `PRI` shares its first byte with `POST`, `PUT` and `PATCH`, so the
/// verdict comes at the first byte that differs from the preface, and never later than its 14th.
struct ProtocolSniffer: Sendable {
    enum Verdict: Sendable, Equatable {
        case undecided
        case http1
        case http2
    }

    /// The part of the HTTP/2 preface that is also a request line; the rest need not be waited for.
    static let preface = Array("PRI * HTTP/2.0".utf8)

    private var matched = 0
    private var verdict = Verdict.undecided

    /// - Parameter byte: the next one. After a verdict it changes nothing.
    mutating func feed(_ byte: UInt8) -> Verdict {
        guard verdict == .undecided else { return verdict }
        guard byte == Self.preface[matched] else {
            verdict = .http1
            return verdict
        }
        matched += 1
        if matched == Self.preface.count { verdict = .http2 }
        return verdict
    }
}
