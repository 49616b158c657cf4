public import MCPServer

/// The one way into everything that speaks HTTP. It is called in the task of the connection; when the client goes away
/// that task is cancelled.
public typealias HTTPEntry = @Sendable (InboundRequest) async -> OutboundResponse

/// Makes the ids that tie log lines and audit rows of one request together.
enum RequestID {
    /// 16 hexadecimal digits.
    static func random() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
