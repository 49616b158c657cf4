import Testing

@testable import Transport

@Suite("Certificates and keys of a server", .timeLimit(.minutes(5))) struct TLSContextTests {
    private static func failure(_ certificate: String, _ key: String) -> TLSContextError? {
        #expect(throws: TLSContextError.self) {
            _ = try TLSContext.server(certificatePath: certificate, keyPath: key, protocols: [])
        }
    }

    @Test("bad files are named, with the reason")
    func badFiles() throws {
        let (good, other) = (try TestCertificate(), try TestCertificate())
        let text = try good.write("no certificate here\n", to: "text.pem")
        let broken = try good.write(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: "broken.pem")
        #expect(
            Self.failure("/nowhere.pem", good.key)
                == .badCertificate(path: "/nowhere.pem", reason: "not a readable PEM certificate"))
        #expect(
            Self.failure(broken, good.key) == .badCertificate(path: broken, reason: "not a readable PEM certificate"))
        #expect(Self.failure(text, good.key) == .badCertificate(path: text, reason: "no certificate in it"))
        for path in [good.certificate, "/nowhere.pem", text] {
            #expect(
                Self.failure(good.certificate, path) == .badKey(path: path, reason: "not a readable PEM private key"))
        }
        #expect(
            Self.failure(good.certificate, other.key)
                == .badKey(path: other.key, reason: "it does not belong to the certificate \(good.certificate)"))
        #expect(
            Self.failure(good.certificate, other.key)?.description
                == "cannot use the private key \(other.key): it does not belong to the certificate \(good.certificate)")
        _ = try TLSContext.server(certificatePath: good.certificate, keyPath: good.key, protocols: ["h2"])
    }

    @Test("an encrypted key is refused, and nobody is asked for its pass phrase")
    func encryptedKey() throws {
        let good = try TestCertificate()
        try good.run("openssl pkey -in key.pem -aes256 -passout pass:secret -out locked.pem")
        let locked = "\(good.folder)/locked.pem"
        #expect(
            Self.failure(good.certificate, locked) == .badKey(path: locked, reason: "not a readable PEM private key"))
    }

    @Test("a chain is sent whole, so that a client which knows the root alone is content")
    func chain() throws {
        let root = try TestCertificate()
        try root.run(
            """
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=Between -out m.csr -keyout m.key &&
            printf 'basicConstraints=critical,CA:TRUE' > m.ext &&
            openssl x509 -req -in m.csr -CA cert.pem -CAkey key.pem -CAcreateserial -days 2 -extfile m.ext -out m.pem &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=Leaf -out l.csr -keyout l.key &&
            printf 'subjectAltName=DNS:leaf.test' > l.ext &&
            openssl x509 -req -in l.csr -CA m.pem -CAkey m.key -CAcreateserial -days 2 -extfile l.ext -out l.pem &&
            cat l.pem m.pem > chain.pem
            """)
        let client = try TLSContext.client(trust: .file(root.certificate))
        func ends(_ certificate: String) throws -> TLSEnds {
            let server = try TLSContext.server(
                certificatePath: "\(root.folder)/\(certificate)", keyPath: "\(root.folder)/l.key", protocols: [])
            var ends = TLSEnds(server: server, client: client, host: "leaf.test")
            ends.shakeHands()
            return ends
        }
        #expect(try ends("chain.pem").clientStep == .complete)
        guard case .failed = try ends("l.pem").clientStep else {
            Issue.record("the chain has a gap")
            return
        }
    }
}
