import { z } from "zod";

const Reference = z.strictObject({ id: z.string() });
const DeleteOption = z.enum(["Delete", "Detach"]);
const Caching = z.enum(["None", "ReadOnly", "ReadWrite"]);
const StorageType = z.enum(["Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "PremiumV2_LRS", "UltraSSD_LRS"]);

/** The part of a virtual machine's body that is emulated. Confidential and accelerated options pass through, checked. */
export const VmBody = z.strictObject({
  zones: z.array(z.string()).max(1).optional(),
  identity: z
    .strictObject({
      type: z.enum(["SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None"]),
      userAssignedIdentities: z.record(z.string(), z.strictObject({})).optional(),
    })
    .optional(),
  properties: z.strictObject({
    hardwareProfile: z.strictObject({ vmSize: z.string() }),
    storageProfile: z.strictObject({
      imageReference: z.strictObject({
        publisher: z.string(),
        offer: z.string(),
        sku: z.string(),
        version: z.string(),
      }),
      osDisk: z.strictObject({
        createOption: z.literal("FromImage"),
        osType: z.literal("Linux").optional(),
        name: z.string().optional(),
        caching: Caching.optional(),
        diskSizeGB: z.int().min(1).max(4095).optional(),
        deleteOption: DeleteOption.default("Detach"),
        managedDisk: z
          .strictObject({
            storageAccountType: StorageType.optional(),
            securityProfile: z
              .strictObject({ securityEncryptionType: z.enum(["VMGuestStateOnly", "DiskWithVMGuestState"]) })
              .optional(),
          })
          .optional(),
      }),
      dataDisks: z
        .array(
          z.strictObject({
            lun: z.int().min(0).max(63),
            createOption: z.literal("Empty"),
            name: z.string().optional(),
            caching: Caching.optional(),
            diskSizeGB: z.int().min(1).max(65536),
            deleteOption: DeleteOption.default("Detach"),
            managedDisk: z.strictObject({ storageAccountType: StorageType.optional() }).optional(),
          }),
        )
        .default([]),
      diskControllerType: z.enum(["SCSI", "NVMe"]).optional(),
    }),
    osProfile: z.strictObject({
      computerName: z
        .string()
        .regex(
          /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/i,
          "not a Linux computer name: 1 to 64 letters, digits and hyphens",
        ),
      adminUsername: z.string().min(1).max(64),
      customData: z.string().max(87_380).optional(),
      linuxConfiguration: z
        .strictObject({
          disablePasswordAuthentication: z.literal(true),
          provisionVMAgent: z.boolean().optional(),
          ssh: z
            .strictObject({ publicKeys: z.array(z.strictObject({ path: z.string(), keyData: z.string() })).min(1) })
            .optional(),
        })
        .optional(),
    }),
    networkProfile: z.strictObject({
      networkInterfaces: z
        .array(
          z.strictObject({
            id: z.string(),
            properties: z
              .strictObject({ primary: z.boolean().optional(), deleteOption: DeleteOption.optional() })
              .optional(),
          }),
        )
        .length(1),
    }),
    priority: z.enum(["Regular", "Spot"]).optional(),
    evictionPolicy: z.enum(["Delete", "Deallocate"]).optional(),
    billingProfile: z.strictObject({ maxPrice: z.number() }).optional(),
    proximityPlacementGroup: Reference.optional(),
    securityProfile: z
      .strictObject({
        securityType: z.enum(["TrustedLaunch", "ConfidentialVM"]).optional(),
        uefiSettings: z
          .strictObject({ secureBootEnabled: z.boolean().optional(), vTpmEnabled: z.boolean().optional() })
          .optional(),
        encryptionAtHost: z.boolean().optional(),
      })
      .optional(),
    diagnosticsProfile: z.strictObject({ bootDiagnostics: z.strictObject({ enabled: z.boolean() }) }).optional(),
    userData: z.string().max(87_380).optional(),
  }),
});
export type VmBody = z.infer<typeof VmBody>;
