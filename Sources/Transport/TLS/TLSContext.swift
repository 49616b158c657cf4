import COpenSSL

/// Why there is no TLS to be spoken. Each case names what an operator can change.
package enum TLSContextError: Error, Sendable, Hashable, CustomStringConvertible {
    case badCertificate(path: String, reason: String)
    case badKey(path: String, reason: String)
    /// The library refuses, for instance for what its own configuration says.
    case library(String)

    package var description: String {
        switch self {
        case .badCertificate(let path, let reason): "cannot use the certificate \(path): \(reason)"
        case .badKey(let path, let reason): "cannot use the private key \(path): \(reason)"
        case .library(let reason): "cannot use TLS: \(reason)"
        }
    }
}

/// What the TLS connections of a server, or of a client, have in common.
///
/// Unchecked: nothing of it changes after `init`, and OpenSSL counts its references under a lock.
@safe package final class TLSContext: @unchecked Sendable {
    let raw: OpaquePointer
    /// The wire form of the protocols, in the order of preference.
    private let protocols: [UInt8]
    /// Of a client: whether the server's certificate is checked.
    let isVerifying: Bool

    private init(
        _ method: OpaquePointer?, protocols: [String], isVerifying: Bool
    ) throws(TLSContextError) {
        ERR_clear_error()
        guard let raw = unsafe SSL_CTX_new(method) else { throw .library(OpenSSL.takeError() ?? "no memory") }
        unsafe self.raw = raw
        self.protocols = OpenSSL.protocolList(protocols)
        self.isVerifying = isVerifying
        unsafe SSL_CTX_ctrl(raw, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        // An idle connection holds no buffers of 34 KiB.
        unsafe SSL_CTX_ctrl(raw, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS), nil)
        // No sessions are kept or resumed: each costs memory, and a handshake is cheap.
        unsafe SSL_CTX_ctrl(raw, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        unsafe SSL_CTX_set_num_tickets(raw, 0)
        unsafe SSL_CTX_set_options(raw, OpenSSL.noRenegotiation | OpenSSL.noTicket)
    }

    deinit { unsafe SSL_CTX_free(raw) }

    // MARK: Servers

    /// - Parameters:
    ///   - certificatePath: a PEM file, the server's own certificate first, then those that lead to its root.
    ///   - keyPath: a PEM file that is not encrypted.
    ///   - protocols: for ALPN. Of those that the client offers the first one of this list is chosen; a client that
    ///     offers none of them is served without ALPN.
    package static func server(
        certificatePath: String, keyPath: String, protocols: [String]
    ) throws(TLSContextError) -> TLSContext {
        let context = try unsafe TLSContext(TLS_server_method(), protocols: protocols, isVerifying: false)
        try context.useChain(certificatePath)
        try context.useKey(keyPath, certificatePath: certificatePath)
        unsafe SSL_CTX_set_alpn_select_cb(
            context.raw,
            { _, chosen, length, offered, count, context in
                let context = unsafe Unmanaged<TLSContext>.fromOpaque(context!).takeUnretainedValue()
                return unsafe context.choose(chosen!, length!, offered, count)
            }, Unmanaged.passUnretained(context).toOpaque())
        return context
    }

    private func useChain(_ path: String) throws(TLSContextError) {
        let chain: [Certificate]
        do {
            chain = try Certificate.chain(path)
        } catch {
            throw .badCertificate(path: path, reason: "not a readable PEM certificate")
        }
        guard let own = chain.first else { throw .badCertificate(path: path, reason: "no certificate in it") }
        ERR_clear_error()
        guard unsafe SSL_CTX_use_certificate(raw, own.raw) == 1 else {
            throw .badCertificate(path: path, reason: OpenSSL.takeError() ?? "refused")
        }
        for certificate in chain.dropFirst() {
            let added = unsafe SSL_CTX_ctrl(
                raw, OpenSSL.addChainCertificate, 1, UnsafeMutableRawPointer(certificate.raw))
            guard added == 1 else { throw .badCertificate(path: path, reason: OpenSSL.takeError() ?? "refused") }
        }
    }

    private func useKey(_ path: String, certificatePath: String) throws(TLSContextError) {
        ERR_clear_error()
        defer { ERR_clear_error() }
        let file = unsafe BIO_new_file(path, "r")
        defer { unsafe BIO_free(file) }
        // Without a callback an encrypted key has the library ask on the terminal.
        guard unsafe file != nil, let key = unsafe PEM_read_bio_PrivateKey(file, nil, { _, _, _, _ in -1 }, nil) else {
            throw .badKey(path: path, reason: "not a readable PEM private key")
        }
        defer { unsafe EVP_PKEY_free(key) }
        guard unsafe SSL_CTX_use_PrivateKey(raw, key) == 1, unsafe SSL_CTX_check_private_key(raw) == 1 else {
            throw .badKey(path: path, reason: "it does not belong to the certificate \(certificatePath)")
        }
    }

    private func choose(
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>, _ length: UnsafeMutablePointer<UInt8>,
        _ offered: UnsafePointer<UInt8>?, _ count: UInt32
    ) -> Int32 {
        unsafe protocols.withUnsafeBufferPointer { ours in
            var choice: UnsafeMutablePointer<UInt8>?
            let result = unsafe SSL_select_next_proto(
                &choice, length, ours.baseAddress, UInt32(ours.count), offered, count)
            guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_NOACK }
            // It points into our list, which lives as long as the context.
            unsafe chosen.pointee = UnsafePointer(choice)
            return SSL_TLSEXT_ERR_OK
        }
    }

    // MARK: Clients

    /// Whom a client trusts.
    package enum Trust: Sendable, Hashable {
        /// The roots of the system.
        case system
        /// Those of a PEM file.
        case file(String)
        /// Everybody: nothing of the server's certificate is checked.
        case everybody
    }

    /// - Parameter protocols: offered by ALPN, in the order of preference; none offers nothing.
    package static func client(trust: Trust = .system, protocols: [String] = []) throws(TLSContextError) -> TLSContext {
        let context = try unsafe TLSContext(
            TLS_client_method(), protocols: protocols, isVerifying: trust != .everybody)
        switch trust {
        case .everybody: unsafe SSL_CTX_set_verify(context.raw, SSL_VERIFY_NONE, nil)
        case .file(let path):
            unsafe SSL_CTX_set_verify(context.raw, SSL_VERIFY_PEER, nil)
            ERR_clear_error()
            guard unsafe SSL_CTX_load_verify_file(context.raw, path) == 1 else {
                ERR_clear_error()
                throw .badCertificate(path: path, reason: "not a readable PEM certificate")
            }
        case .system:
            unsafe SSL_CTX_set_verify(context.raw, SSL_VERIFY_PEER, nil)
            context.useSystemRoots()
        }
        if !context.protocols.isEmpty {
            unsafe SSL_CTX_set_alpn_protos(context.raw, context.protocols, UInt32(context.protocols.count))
        }
        return context
    }

    /// A program that was linked elsewhere knows the places of that system only, so others are looked at, too.
    private func useSystemRoots() {
        ERR_clear_error()
        defer { ERR_clear_error() }
        // Also what SSL_CERT_FILE and SSL_CERT_DIR name.
        unsafe SSL_CTX_set_default_verify_paths(raw)
        if SystemRoots.hasHashedFolder {
            // Read one by one when they are needed: a whole file of roots costs a MiB.
            unsafe SSL_CTX_load_verify_dir(raw, SystemRoots.folder)
        } else if let file = SystemRoots.file {
            unsafe SSL_CTX_load_verify_file(raw, file)
        }
    }
}
