import Synchronization

/// The one way into everything that speaks HTTP. It is called in a task of its own, on the loop of the connection;
/// when the client goes away that task is cancelled.
package typealias HTTPEntry = @Sendable (InboundRequest) async -> OutboundResponse

/// Makes the ids that tie log lines and audit rows of one request together.
package enum RequestID {
    private static let start = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)
    private static let digits = Array("0123456789abcdef".utf8)

    /// 16 hexadecimal digits: another one each time, from a random beginning. The system is not asked for randomness at
    /// each request, since nobody gains anything by guessing an id.
    package static func next() -> String {
        // SplitMix64: one to one, so that no id comes back.
        var mixed = start &+ count.wrappingAdd(1, ordering: .relaxed).newValue &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return unsafe String(unsafeUninitializedCapacity: 16) { text in
            for position in 0..<16 { unsafe text[position] = digits[Int((mixed >> (60 - 4 * UInt64(position))) & 15)] }
            return 16
        }
    }
}
