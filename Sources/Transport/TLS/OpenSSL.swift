import COpenSSL

/// Macros of OpenSSL's headers, which Swift does not import, and its queue of errors.
enum OpenSSL {
    /// SSL_OP_NO_RENEGOTIATION: a client could have the server do the costly half of handshakes without end.
    static let noRenegotiation: UInt64 = 1 << 30
    /// SSL_OP_NO_TICKET.
    static let noTicket: UInt64 = 1 << 14
    /// SSL_CTRL_CHAIN_CERT: SSL_CTX_add1_chain_cert.
    static let addChainCertificate = Int32(SSL_CTRL_CHAIN_CERT)

    /// What stands first in this thread's queue, which is emptied; `nil` when it holds nothing.
    static func takeError() -> String? {
        let code = ERR_get_error()
        defer { ERR_clear_error() }
        guard code != 0 else { return nil }
        guard let reason = unsafe ERR_reason_error_string(code) else { return "error \(code)" }
        return unsafe String(cString: reason)
    }

    /// The wire form of a list for ALPN. Names are at most 255 bytes.
    static func protocolList(_ names: [String]) -> [UInt8] {
        names.flatMap { name in [UInt8(clamping: name.utf8.count)] + name.utf8.prefix(255) }
    }
}
