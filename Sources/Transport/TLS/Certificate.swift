import COpenSSL
import Glibc

/// An X.509 certificate.
@safe final class Certificate {
    let raw: OpaquePointer

    /// Takes one over.
    private init(_ raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe X509_free(raw) }

    struct Unreadable: Error {}

    /// All certificates of a PEM file, none if it has none.
    static func chain(_ path: String) throws(Unreadable) -> [Certificate] {
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard let file = unsafe BIO_new_file(path, "r") else { throw Unreadable() }
        defer { unsafe BIO_free(file) }
        var chain: [Certificate] = []
        while let next = unsafe PEM_read_bio_X509(file, nil, { _, _, _, _ in -1 }, nil) {
            unsafe chain.append(Certificate(next))
        }
        // That is how the end of the file shows.
        let code = ERR_peek_last_error()
        guard code & UInt(ERR_REASON_MASK) == UInt(PEM_R_NO_START_LINE) else { throw Unreadable() }
        return chain
    }

    /// What the peer of a connection has shown.
    static func ofPeer(_ ssl: OpaquePointer) -> Certificate? {
        guard let raw = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        return unsafe Certificate(raw)
    }

    var der: [UInt8] {
        let count = unsafe Int(i2d_X509(raw, nil))
        guard count > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            var next = buffer.baseAddress
            written = unsafe max(0, Int(i2d_X509(raw, &next)))
        }
    }

    /// When it ends, in Unix seconds; `nil` when it says so in no form that can be read.
    var end: Int? {
        var time = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(X509_get0_notAfter(raw), &time) == 1 else { return nil }
        return unsafe timegm(&time)
    }
}
