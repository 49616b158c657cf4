import HTTP
import Transport

/// The connection of a client, and why it is no more.
final class GRPCClientConnection {
    private(set) var loss: GRPCStatus?

    init(over transport: any ByteTransport, on loop: isolated EventLoop) {
    }

    func begin(
        _ call: GRPCClientCall, _ request: HTTPRequest, timeout: UInt64?, on loop: isolated EventLoop
    ) -> Result<Void, GRPCStatus> {
        .failure(GRPCStatus(.unavailable))
    }

    func close(on loop: isolated EventLoop) {
    }
}
