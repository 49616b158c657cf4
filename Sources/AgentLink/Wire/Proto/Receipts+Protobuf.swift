import CNezhaProto

extension Receipt: ProtobufMessage {
    package init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        self = unsafe try Protobuf.read(bytes, proto__receipt__unpack) { message throws(ProtobufError) in
            Receipt(isProcessed: unsafe message.pointee.proced != 0)
        }
    }

    package func protobuf() -> [UInt8] {
        var message = unsafe Proto__Receipt()
        unsafe proto__receipt__init(&message)
        unsafe message.proced = isProcessed ? 1 : 0
        return unsafe Protobuf.write(&message, proto__receipt__get_packed_size, proto__receipt__pack)
    }
}

extension StartReceipt: ProtobufMessage {
    package init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        self = unsafe try Protobuf.read(bytes, proto__uint64_receipt__unpack) { message throws(ProtobufError) in
            StartReceipt(startedAt: unsafe message.pointee.data)
        }
    }

    package func protobuf() -> [UInt8] {
        var message = unsafe Proto__Uint64Receipt()
        unsafe proto__uint64_receipt__init(&message)
        unsafe message.data = startedAt
        return unsafe Protobuf.write(&message, proto__uint64_receipt__get_packed_size, proto__uint64_receipt__pack)
    }
}
