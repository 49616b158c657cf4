import COpenSSL
import Glibc

/// What went wrong with TLS.
package struct TLSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
}

/// One end of a TLS connection over memory: bytes of the network in and out, plain ones out and in. No socket, no
/// task, and no waiting.
///
/// After each call that is not ``output()`` there may be output for the peer.
@safe package final class TLSSession {
    package enum Step: Sendable, Hashable {
        case complete
        /// More must come from the network first.
        case incomplete
        case failed(TLSFailure)
    }

    package enum Read: Sendable, Hashable {
        case bytes([UInt8])
        /// More must come from the network first.
        case incomplete
        /// The peer has said that it sends no more.
        case ended
        case failed(TLSFailure)
    }

    /// As much as one record holds.
    private static let recordSize = 16 << 10
    /// Key updates that are always allowed; one more for each of so many bytes received. Each costs both sides work,
    /// and brings nothing.
    private static let freeKeyUpdates = 16
    private static let bytesForKeyUpdate = 1 << 20

    private let context: TLSContext
    let ssl: OpaquePointer
    private let inbound: OpaquePointer
    private let outbound: OpaquePointer
    private var keyUpdates = 0
    private var received = 0
    private var failure: TLSFailure?
    private var hasEndedSending = false

    /// A server's end.
    package convenience init(server context: TLSContext) {
        self.init(context)
        unsafe SSL_set_accept_state(ssl)
    }

    /// A client's end.
    /// - Parameter host: the name or address that the server's certificate must be for; a name is also told to it.
    package convenience init(client context: TLSContext, host: String) {
        self.init(context)
        unsafe SSL_set_connect_state(ssl)
        let isAddress = SocketAddress(host, port: 0) != nil
        if context.isVerifying {
            let parameters = unsafe SSL_get0_param(ssl)
            unsafe X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            let isSet =
                isAddress
                ? unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host)
                : unsafe X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count)
            if isSet != 1 { failure = TLSFailure(description: "no name for a certificate: \(host)") }
        }
        if !isAddress {
            var name = host.utf8CString
            unsafe name.withUnsafeMutableBytes { name in
                // SSL_set_tlsext_host_name
                _ = unsafe SSL_ctrl(
                    ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), name.baseAddress)
            }
        }
    }

    private init(_ context: TLSContext) {
        self.context = context
        // These fail only when there is no memory left.
        unsafe ssl = SSL_new(context.raw)!
        unsafe inbound = BIO_new(BIO_s_mem())!
        unsafe outbound = BIO_new(BIO_s_mem())!
        // An empty one means "later", not "the end".
        unsafe BIO_ctrl(inbound, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nil)
        unsafe SSL_set_bio(ssl, inbound, outbound)
        unsafe SSL_set_msg_callback(ssl) { isSent, _, type, bytes, count, _, session in
            guard isSent == 0, type == SSL3_RT_HANDSHAKE, count > 0,
                unsafe bytes!.load(as: UInt8.self) == UInt8(SSL3_MT_KEY_UPDATE)
            else { return }
            unsafe Unmanaged<TLSSession>.fromOpaque(session!).takeUnretainedValue().keyUpdates += 1
        }
        // SSL_set_msg_callback_arg
        unsafe SSL_ctrl(ssl, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { unsafe SSL_free(ssl) }

    // MARK: Steps

    /// Takes what came from the network.
    package func receive(_ bytes: Span<UInt8>) {
        received += bytes.count
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard bytes.count > 0 else { return }
            let taken = unsafe BIO_write(inbound, bytes.baseAddress, Int32(clamping: bytes.count))
            if Int(taken) != bytes.count { failure = TLSFailure(description: "no memory") }
        }
    }

    /// Goes on with the handshake. Until it is complete nothing may be read or written.
    package func shakeHands() -> Step {
        if let failure { return .failed(failure) }
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 { return .complete }
        return step(unsafe SSL_get_error(ssl, result))
    }

    /// One record at most. To be called until it is incomplete.
    package func read() -> Read {
        if let failure { return .failed(failure) }
        ERR_clear_error()
        var result: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.recordSize) { buffer, count in
            result = unsafe SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
            count = Int(max(0, result))
        }
        if let failure = checkKeyUpdates() { return .failed(failure) }
        if result > 0 { return .bytes(bytes) }
        let error = unsafe SSL_get_error(ssl, result)
        if error == SSL_ERROR_ZERO_RETURN { return .ended }
        switch step(error) {
        case .complete, .incomplete: return .incomplete
        case .failed(let failure): return .failed(failure)
        }
    }

    /// Writes bytes, all of them if it is complete.
    package func write(_ bytes: ArraySlice<UInt8>) -> Step {
        if let failure { return .failed(failure) }
        guard !bytes.isEmpty, !hasEndedSending else { return .complete }
        ERR_clear_error()
        var written = 0
        let result = unsafe bytes.withUnsafeBytes { unsafe SSL_write_ex(ssl, $0.baseAddress, $0.count, &written) }
        if result == 1 { return .complete }
        return step(unsafe SSL_get_error(ssl, result))
    }

    /// Tells the peer that no more is sent.
    package func endSending() {
        guard failure == nil, !hasEndedSending, unsafe SSL_in_init(ssl) == 0 else { return }
        hasEndedSending = true
        ERR_clear_error()
        _ = unsafe SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// What is to go to the network.
    package func output() -> [UInt8] {
        let count = unsafe BIO_ctrl_pending(outbound)
        guard count > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            written = unsafe max(0, Int(BIO_read(outbound, buffer.baseAddress, Int32(clamping: buffer.count))))
        }
    }

    // MARK: What was agreed

    /// What ALPN chose; `nil` for nothing.
    package var applicationProtocol: String? {
        var bytes: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &bytes, &count)
        guard count > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }

    /// The peer's certificate in DER; `nil` when it has shown none.
    package var peerCertificate: [UInt8]? { unsafe Certificate.ofPeer(ssl)?.der }

    /// When the peer's certificate ends, in Unix seconds.
    package var peerCertificateEnd: Int? { unsafe Certificate.ofPeer(ssl)?.end }

    // MARK: Failures

    private func step(_ error: Int32) -> Step {
        if error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE { return .incomplete }
        let failure = describe()
        self.failure = failure
        return .failed(failure)
    }

    private func describe() -> TLSFailure {
        let reason = OpenSSL.takeError() ?? "the connection ended"
        let verified = unsafe SSL_get_verify_result(ssl)
        guard context.isVerifying, verified != Int(X509_V_OK),
            let why = unsafe X509_verify_cert_error_string(verified)
        else { return TLSFailure(description: reason) }
        return unsafe TLSFailure(description: "\(reason): \(String(cString: why))")
    }

    private func checkKeyUpdates() -> TLSFailure? {
        guard keyUpdates > Self.freeKeyUpdates + received / Self.bytesForKeyUpdate else { return nil }
        failure = TLSFailure(description: "too many key updates")
        return failure
    }
}
