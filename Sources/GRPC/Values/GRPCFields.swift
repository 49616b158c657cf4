import HTTP
import Primitives

extension HTTPField.Name {
    static let grpcStatus = Self(token: "grpc-status")
    static let grpcMessage = Self(token: "grpc-message")
    static let grpcTimeout = Self(token: "grpc-timeout")
    static let grpcAcceptEncoding = Self(token: "grpc-accept-encoding")
}

extension GRPCStatus {
    /// As trailers, or as a head with `content-type` before it.
    var fields: HTTPFields {
        var fields: HTTPFields = [.grpcStatus: String(code.rawValue)]
        if !message.isEmpty { fields[.grpcMessage] = PercentEncoding.encode(message) }
        return fields
    }

    /// The status that trailers tell; nil when there is none.
    init?(fields: HTTPFields) {
        guard let text = fields[.grpcStatus] else { return nil }
        let message = fields[.grpcMessage].map(PercentEncoding.decode) ?? ""
        let isNumber = (1...9).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        let code = isNumber ? Int(text).flatMap(Code.init(rawValue:)) : nil
        self.init(code ?? .unknown, message)
    }

    /// What an answer means that is none of gRPC's, such as a proxy's 502.
    init(httpStatus: Int) {
        let code: Code =
            switch httpStatus {
            case 400: .internalError
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .unimplemented
            case 429, 502, 503, 504: .unavailable
            default: .unknown
            }
        self.init(code, "the answer is no gRPC: HTTP status \(httpStatus)")
    }
}

extension GRPCStatus {
    /// What the reset of a call's stream means.
    init(reset code: HTTP2ErrorCode) {
        let status: Code =
            switch code {
            case .refusedStream: .unavailable
            case .cancel: .cancelled
            case .enhanceYourCalm: .resourceExhausted
            case .inadequateSecurity: .permissionDenied
            default: .internalError
            }
        self.init(status, "the stream was reset: \(code)")
    }
}

/// What the content type of a request or an answer says.
enum GRPCContentType {
    /// `application/grpc` or `application/grpc+proto`, parameters or not.
    case protobuf
    /// `application/grpc+` something else.
    case unsupported
    /// Anything else: not gRPC's.
    case other

    static let value = "application/grpc"

    init(_ text: String?) {
        guard let text else {
            self = .other
            return
        }
        let bytes = text.utf8.prefix { $0 != UInt8(ascii: ";") }.asciiLowercased
        let end = bytes.lastIndex { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        let type = bytes[..<(end.map { $0 + 1 } ?? 0)]
        guard type.starts(with: Self.value.utf8) else {
            self = .other
            return
        }
        let suffix = type.dropFirst(Self.value.utf8.count)
        if suffix.isEmpty || suffix.elementsEqual("+proto".utf8) {
            self = .protobuf
        } else {
            self = suffix.first == UInt8(ascii: "+") ? .unsupported : .other
        }
    }
}
