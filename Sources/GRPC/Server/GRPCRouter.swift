package import HTTP
package import Transport

/// Tells gRPC from the web by each request's content type, and gives calls to their services.
package struct GRPCRouter: HTTP2StreamRouter {
    private let services: [any GRPCService]
    private let limits: GRPCServerLimits
    private let budget: GRPCGuestBudget

    /// Share one router among all connections: what guests may hold is counted by it.
    package init(_ services: [any GRPCService], limits: GRPCServerLimits = GRPCServerLimits()) {
        self.services = services
        self.limits = limits
        budget = GRPCGuestBudget(limit: limits.guestBudget)
    }

    /// Bytes that calls without a credential hold at the moment.
    package var guestBytes: Int { budget.heldBytes }

    package func handler(
        for request: HTTPRequest, on stream: HTTP2Stream, on loop: isolated EventLoop
    ) -> (any HTTP2StreamHandler)? {
        switch GRPCContentType(request.headerFields[.contentType]) {
        case .other:
            return nil
        case .unsupported:
            return HTTPRefusal(.unsupportedMediaType, [.acceptPost: GRPCContentType.value], of: stream, on: loop)
        case .protobuf where request.method != .post:
            return HTTPRefusal(.methodNotAllowed, [.allow: "POST"], of: stream, on: loop)
        case .protobuf:
            let call = GRPCServerCall(request, on: stream, limits: limits, budget: budget, loop: loop)
            call.begin(services, on: loop)
            return call
        }
    }
}

extension HTTPField.Name {
    fileprivate static let acceptPost = Self(token: "accept-post")
}

/// Answers what is no call of gRPC although its content type says so; takes the rest of its body.
private final class HTTPRefusal: HTTP2StreamHandler {
    private let stream: HTTP2Stream

    init(_ status: HTTPResponse.Status, _ fields: HTTPFields, of stream: HTTP2Stream, on loop: isolated EventLoop) {
        self.stream = stream
        stream.respond(HTTPResponse(status: status, headerFields: fields), endStream: true, on: loop)
    }

    func received(_ bytes: [UInt8], on loop: isolated EventLoop) { stream.consume(bytes.count, on: loop) }
    func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) {}
    func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {}
}
